"""One case resolved by both, and what differs."""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qsl, urlsplit

from differential_oddities import NO_FILES
from newest_botocore import newest_python, number

from efs_test.programs import program

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1780000000  # of every case: a seed means the same on any day
LAST_TIME = 7258118400  # 2200-01-01: ours are clamped there
PATIENCE = 120


def in_memory():
    """A folder of memory in which programs may run: on a disk, files take as long as all else together."""
    folder = "/dev/shm"
    usable = os.path.isdir(folder) and os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return folder if usable else None


IN_MEMORY = in_memory()


class Lines:
    """A program that answers a line of JSON with a line of JSON."""

    def __init__(self, argv):
        self.argv, self.process = argv, None

    def start(self):
        self.process = subprocess.Popen(self.argv, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": HERE})

    def ask(self, questions):
        """An answer to each. All are sent at once: on a busy machine each turn between two processes is waited for."""
        answers = []
        while len(answers) < len(questions):
            answers += self.answers(questions[len(answers):])
        return answers

    def answers(self, questions):
        """As many as come; the last may be how the program ended."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        writer = threading.Thread(target=self.write, args=(questions,))
        writer.start()
        answers = []
        try:
            for _ in questions:
                answers.append(json.loads(self.process.stdout.readline()))
        except ValueError:
            status = self.process.wait(PATIENCE)
            answers.append({"broke": f"{self.argv[0]} ended with status {status}", "requests": []})
        writer.join()
        return answers

    def write(self, questions):
        with contextlib.suppress(BrokenPipeError):
            for question in questions:
                self.process.stdin.write(json.dumps(question) + "\n")
                self.process.stdin.flush()

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
            self.process.stdout.close()


class Oracle(Lines):
    def __init__(self):
        super().__init__([newest_python(), "-B", f"{HERE}/botocore_oracle.py"])
        self.version = ""
        self.start()

    def start(self):
        super().start()
        self.version = json.loads(self.process.stdout.readline())["botocore"]

    def is_old(self):
        """Debian 12's: without endpoints of profiles, STS's old default, fewer partitions."""
        return number(self.version)[:2] < [1, 40]


class Ours(Lines):
    def __init__(self):
        super().__init__([program("find-credentials"), "--lines"])

    def resolve(self, cases):
        return [self.described(found) for found in self.ask(cases)]

    @staticmethod
    def described(found):
        if "broke" in found or "error" in found:
            return dict(found, text=found.get("error") or found.get("broke"))
        return dict(found, text="", keys=[found["access_key_id"], found["secret_access_key"],
                                          found["session_token"] or None])


def for_old(case):
    keys = (r"(?im)^(endpoint_url|services|ignore_configured_endpoint_urls|sts_regional_endpoints"
            r"|imds_use_ipv6|ec2_metadata_v1_disabled|defaults_mode)\s*[=:].*\n?")
    files = {}
    for name, text in case["files"].items():
        text = re.sub(keys, "", text) if name in (".aws/config", ".aws/credentials") else text
        # It does not look when a log-in of the older form ends.
        text = re.sub('"expiresAt": "[^"]*"', '"expiresAt": "2099-01-01T00:00:00Z"', text)
        files[name] = re.sub("eusc-de-east-1|us-isof-south-1|eu-isoe-west-1|ap-southeast-7", "us-west-2", text)
    dropped = ("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED", "AWS_EC2_METADATA_V1", "AWS_IMDS_USE",
               "AWS_DEFAULTS_MODE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    environment = {name: value for name, value in case["environment"].items() if not name.startswith(dropped)}
    environment["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"
    region = "ca-central-1" if case["region"].startswith("eusc") else case["region"]
    return dict(case, files=files, environment=environment, region=region)


def no_file(path, kind):
    """What is found in place of a file: Docker makes directories of what it should mount."""
    {"@DIRECTORY@": lambda: os.mkdir(path), "@FIFO@": lambda: os.mkfifo(path, 0o600),
     "@LOOP@": lambda: os.symlink(path, path), "@DANGLING@": lambda: os.symlink(path + ".gone", path),
     "@NULL@": lambda: os.symlink("/dev/null", path)}[kind]()


def written(home, case):
    for name, text in case["files"].items():
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if text in NO_FILES:
            if not os.path.lexists(path):
                no_file(path, text)
            continue
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text.replace("@HOME@", home))
        os.chmod(path, 0o700 if name.startswith("program") else 0o600)


def log_ins(home):
    """What of the caches of IAM Identity Center must be the same."""
    result = {}
    folder = os.path.join(home, ".aws/sso/cache")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        if '"fresh"' in text:
            result[name] = json.loads(text)
    return result


def with_log_ins(answers, homes):
    return [dict(answer, log_ins=log_ins(home)) for answer, home in zip(answers, homes)]


def resolve(ours, oracle, cases):
    """What ours and theirs make of each case."""
    with contextlib.ExitStack() as folders:
        homes = [folders.enter_context(tempfile.TemporaryDirectory(prefix="differential-", dir=IN_MEMORY)) for _ in cases]
        asked = []
        for home, case in zip(homes, cases):
            text = json.dumps({name: case[name] for name in case if name != "files"}).replace("@HOME@", home)
            asked.append(dict(json.loads(text), home=home, now=NOW))
            written(home, case)
        mine = with_log_ins(ours.resolve(asked), homes)
        for home, case in zip(homes, cases):
            written(home, case)  # a refreshed log-in was written back
        theirs = with_log_ins(oracle.ask(asked), homes)
    # Each time it is another folder.
    return [tuple(json.loads(json.dumps(answer).replace(home, "@HOME@")) for answer in pair)
            for home, *pair in zip(homes, mine, theirs)]


# --- What differs.

def signer(headers):
    match = re.search(r"Credential=([^/]*)/\d+/([^/]*)/([^/]*)/", headers.get("authorization", ""))
    return match.groups() if match else None


def of_metadata(parts, headers):
    """Of all questions to the metadata service: where, and whether with a token."""
    if parts.path.endswith("/api/token"):
        return ["metadata", parts.netloc]
    return ["metadata", parts.netloc, "x-aws-ec2-metadata-token" in headers]


def normal(requests):
    """What of the requests must be the same; a question asked again counts once."""
    result = []

    def add(entry):
        if not result or entry != result[-1] and (entry[0] != "metadata" or entry not in result):
            result.append(entry)

    for request in requests:
        parts, headers = urlsplit(request["url"]), request["headers"]
        where = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if parts.path.startswith("/latest/"):
            add(of_metadata(parts, headers))
            continue
        if parts.path.endswith("/token"):
            add(["token", where, json.loads(request["body"])])
            continue
        fields = dict(parse_qsl(request["body"] or parts.query, keep_blank_values=True))
        if re.fullmatch(r"botocore-session-\d+|efs-mount-helper", fields.get("RoleSessionName", "")):
            fields["RoleSessionName"] = "the default"
        tokens = [headers.get(name) for name in
                  ("x-amz-security-token", "x-amz-sso_bearer_token", "authorization")]
        if signer(headers):
            tokens[2] = list(signer(headers))
        add([where, fields, tokens, request["ca_bundle"] if "Action" in fields else ""])
    return result


def shape(result, chain):
    if "keys" not in result:
        return "failure"
    ends = result["expiration"]
    if chain or ends is None:  # efs-utils does not read it
        return [result["keys"], None]
    return [result["keys"], min(ends, LAST_TIME)]


def without_region(requests, region):
    """Where nothing but the mount says a region, botocore has its own idea of it."""
    text = re.sub(r"sts(-fips)?\.((us-east-1|aws-global|" + region + r")\.)?(amazonaws\.com(\.cn)?"
                  r"|c2s\.ic\.gov|amazonaws\.eu|api\.amazonwebservices\.(com\.cn|eu)|api\.aws(\.ic\.gov)?)",
                  "STS", json.dumps(requests))
    return json.loads(text.replace('"us-east-1", "sts"', '"R", "sts"').replace(f'"{region}", "sts"', '"R", "sts"'))


def of_api(answer):
    """Where DescribeMountTargets went, and how it was signed."""
    requests = answer if isinstance(answer, list) else answer.get("requests", [])
    parts = [urlsplit(request["url"]) for request in requests[-1:]]
    if not parts or "error" in answer:
        return "failure"
    return [parts[0].scheme, parts[0].netloc, parts[0].path, signer(requests[-1]["headers"])[1:],
            requests[-1]["ca_bundle"]]


def aspects(case, mine, theirs):
    """(aspect, what differs), one after the other."""
    chain = theirs.get("failed") is not None
    if shape(mine, chain) != shape(theirs, chain):
        yield "result", f"ours {shape(mine, chain)}, theirs {shape(theirs, chain)}"
    elif "keys" in mine:
        one, other = normal(mine["requests"]), normal(theirs["requests"])
        region = re.sub("fips-|-fips", "", case["region"])
        if region in json.dumps(one):
            one, other = without_region(one, region), without_region(other, region)
        if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
            yield "requests", f"ours {one}, theirs {other}"
        if mine["log_ins"] != theirs["log_ins"]:
            yield "log-in", f"ours {mine['log_ins']}, theirs {theirs['log_ins']}"
    if of_api(mine["api"]) != of_api(theirs["api"]):
        yield "api", f"ours {of_api(mine['api'])}, theirs {of_api(theirs['api'])}, {theirs['api'].get('text')}"


def ours_in(aspect, mine):
    return of_api(mine["api"]) if aspect == "api" else [mine.get("keys"), normal(mine["requests"])]


class Judge:
    """`resolve(case)` gives what ours and theirs make of a case."""

    def __init__(self, argued, resolve, inner=None):
        self.argued, self.resolve = argued, resolve
        # Of a case without what is argued about.
        self.inner = self if inner is None else Judge(inner, resolve)

    def agrees(self, reason, aspect, case, mine, depth):
        """Without what is argued about both resolve the same, and ours, where that says nothing, as with it."""
        if reason.without is None:
            return True
        other = reason.without(case)
        if other == case or depth == 0:
            return False
        again, theirs = self.resolve(other)
        what = self.inner.difference(other, again, theirs, depth - 1, aspect)
        same = not reason.says_nothing or ours_in(aspect, mine) == ours_in(aspect, again)
        return same and (what is None or what.startswith("["))

    def difference(self, case, mine, theirs, depth=5, only=None):
        """None, or what differs first without a reason; when all of it is argued: "[reason]". `only`: the
        aspect, or one of its kin."""
        for answer in (mine, theirs):
            if "broke" in answer:
                return "broke: " + answer["broke"]
        known = None
        for aspect, what in aspects(case, mine, theirs):
            if only and (only == "api") != (aspect == "api"):
                continue
            name = next((name for name, reason in self.argued.items() if
                         reason.explains(aspect, case, mine, theirs) and
                         self.agrees(reason, aspect, case, mine, depth)), None)
            if name is None:
                return f"{aspect}: {what}"
            known = known or f"[{name}]"
        return known

    def judge(self, case):
        return self.difference(case, *self.resolve(case))


def kind_of(what):
    return None if what is None else what if what.startswith("[") else what.split(":")[0]


# --- The smallest case.

def smaller(case):
    """Cases with one thing less."""
    for part in ("environment", "answers"):
        for name in list(case[part]):
            if name != "PATH":
                yield dict(case, **{part: {key: value for key, value in case[part].items() if key != name}})
    for name, text in case["files"].items():
        if name.endswith((".json", "jwt")) or name.startswith("program"):
            continue
        lines = text.splitlines(keepends=True)
        for size in (8, 3, 1):
            for at in range(0, len(lines), size):
                shorter = "".join(lines[:at] + lines[at + size:])
                yield dict(case, files=dict(case["files"], **{name: shorter}))


def minimised(judge, case, what, seconds=20):
    """`judge(case)` gives a difference."""
    kind = kind_of(what)
    end = time.monotonic() + seconds
    changed = True
    while changed:
        changed = False
        for candidate in smaller(case):
            if time.monotonic() > end:
                return case, what
            try:
                now = judge(candidate)
            except (ValueError, KeyError):
                continue
            if kind_of(now) == kind:
                case, what, changed = candidate, now, True
                break
    return case, what


def show(seed, case, what, mine, theirs):
    given = {name: case[name] for name in case if name not in ("files",)}
    print(f"seed {seed}: {what}\n  ours: {mine.get('text')} api {mine['api'] if 'error' in mine['api'] else ''}\n"
          f"  theirs: {theirs.get('error')} {theirs.get('text')}\n  {given}", file=sys.stderr)
    for name, text in case["files"].items():
        if text.strip():
            print(f"  {name}: {text!r}", file=sys.stderr, flush=True)
