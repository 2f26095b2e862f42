#!/usr/bin/python3
"""Promise: no input that efs-utils with botocore resolves is resolved differently by us without a
reason that stands in ARGUED.

A seeded generator (differential_cases.py) makes homes; the oracle (botocore_oracle.py) and our chain
resolve the same profile of each; keys, token, end and the requests that either would send to AWS are
compared. A difference is made as small as it gets and printed.

EFS_SEEDS=first:count chooses the seeds; EFS_BOTOCORE_PYTHON the Python whose botocore is asked, else the
newest of those on PATH and Debian's.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from urllib.parse import parse_qsl, urlsplit

from differential_cases import Case

from efs_test.programs import program

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST, COUNT = (int(part) for part in os.environ.get("EFS_SEEDS", "0:500").split(":"))
LAST_TIME = 7258118400  # 2200-01-01: ours are clamped there
MOUNT_REGION = "ca-central-1"


class Oracle:
    def __init__(self, python):
        self.process = subprocess.Popen([python, "-B", f"{HERE}/botocore_oracle.py"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        self.version = json.loads(line)["botocore"] if line else ""

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def newest_oracle():
    chosen = None
    named = os.environ.get("EFS_BOTOCORE_PYTHON")
    for python in [named] if named else ["python3", "/usr/bin/python3"]:
        if not shutil.which(python):
            continue
        oracle = Oracle(python)
        number = [int(part) for part in oracle.version.split(".")] if oracle.version else []
        if chosen is None or number > [int(part) for part in (chosen.version or "0").split(".")]:
            if chosen:
                chosen.close()
            chosen = oracle
        else:
            oracle.close()
    return chosen


def is_old(oracle):
    """Debian 12's: without endpoints of profiles, STS's old default, fewer partitions."""
    return [int(part) for part in oracle.version.split(".")[:2]] < [1, 40]


def for_old(case):
    keys = (r"(?im)^(endpoint_url|services|ignore_configured_endpoint_urls|sts_regional_endpoints"
            r"|imds_use_ipv6)\s*[=:].*\n?")
    files = {}
    for name, text in case["files"].items():
        text = re.sub(keys, "", text) if name in (".aws/config", ".aws/credentials") else text
        # It does not look when a log-in of the older form ends.
        text = re.sub('"expiresAt": "[^"]*"', '"expiresAt": "2099-01-01T00:00:00Z"', text)
        files[name] = re.sub("eusc-de-east-1|us-isof-south-1|ap-southeast-7", "us-west-2", text)
    environment = {name: value for name, value in case["environment"].items()
                   if not name.startswith(("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED"))}
    environment["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"
    return dict(case, files=files, environment=environment)


def signer(headers):
    match = re.search(r"Credential=([^/]*)/\d+/([^/]*)/([^/]*)/", headers.get("authorization", ""))
    return match.groups() if match else None


def normal(requests):
    """What of the requests must be the same."""
    result = []
    for request in requests:
        parts = urlsplit(request["url"])
        where = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if parts.path.startswith("/latest/"):
            entry = ["metadata", parts.netloc]
            if entry not in result:
                result.append(entry)
            continue
        headers = request["headers"]
        if parts.path.endswith("/token"):
            result.append(["token", where, json.loads(request["body"])])
            continue
        fields = dict(parse_qsl(request["body"] or parts.query, keep_blank_values=True))
        if re.fullmatch(r"botocore-session-\d+|efs-mount-helper", fields.get("RoleSessionName", "")):
            fields["RoleSessionName"] = "the default"
        tokens = [headers.get(name) for name in
                  ("x-amz-security-token", "x-amz-sso_bearer_token", "authorization")]
        if signer(headers):
            tokens[2] = signer(headers)
        result.append([where, fields, tokens, request["ca_bundle"] if "Action" in fields else ""])
    return result


def written(home, case):
    for name, text in case["files"].items():
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text.replace("@HOME@", home))
        os.chmod(path, 0o700 if name.startswith("program") else 0o600)


def ours(home, environment, profile):
    given = {"home": home, "region": MOUNT_REGION, "profile": profile, "played": True, "log": True}
    run = subprocess.run([program("find-credentials")], input=json.dumps(given), text=True,
                         env=environment, capture_output=True, timeout=60)
    found = json.loads(run.stdout) if run.stdout else {"requests": []}
    if run.returncode not in (0, 1):
        return {"error": f"exit {run.returncode}", "text": run.stderr, "requests": []}
    if run.returncode == 1:
        return {"error": "ours", "text": run.stderr, "requests": found["requests"]}
    return {"keys": [found["access_key_id"], found["secret_access_key"], found["session_token"]],
            "method": found["method"], "expiration": found["expiration"], "text": run.stderr,
            "requests": found["requests"]}


def resolve(oracle, case):
    with tempfile.TemporaryDirectory(prefix="differential-") as home:
        environment = {name: value.replace("@HOME@", home)
                       for name, value in case["environment"].items()}
        written(home, case)
        mine = ours(home, environment, case["profile"])
        written(home, case)  # a refreshed log-in was written back
        theirs = oracle.ask({"home": home, "environment": environment, "profile": case["profile"]})
    return mine, theirs


# name -> (why, whether it explains the difference)
ARGUED = {
    "a named profile is final (CRED-3)": (
        "botocore goes on to the container's or the instance's role when a profile gives nothing: that "
        "is another identity", lambda case, mine, theirs:
        "error" in mine and theirs.get("method") in ("container-role", "iam-role")),
    "a broken section ends only what needs it": (
        "botocore refuses the whole file", lambda case, mine, theirs:
        theirs.get("error") in ("ConfigParseError", "MissingSectionHeaderError") and "keys" in mine),
    "nothing is signed with values that no header can carry": (
        "AWS refuses them, and says less", lambda case, mine, theirs:
        "error" in mine and any(text in mine["text"] for text in
                                ("cannot be part of it", "not the ARN of a role"))),
    "a session that is not there matters to a log-in only": (
        "botocore asks for it in every client it makes", lambda case, mine, theirs:
        theirs.get("error") == "InvalidConfigError" and "SSO token provider" in theirs["text"] and
        "keys" in mine),
    "sts_regional_endpoints matters to STS only": (
        "botocore judges it for every client", lambda case, mine, theirs:
        theirs.get("error") == "InvalidSTSRegionalEndpointsConfigError" and "keys" in mine and
        "Action=" not in json.dumps(mine["requests"])),
    "an empty Expiration is none": (
        "botocore cannot parse it", lambda case, mine, theirs:
        theirs.get("error") == "ParserError" and "keys" in mine),
    "the mount's region serves where nothing names one": (
        "botocore has none for STS then", lambda case, mine, theirs:
        theirs.get("error") == "NoRegionError" and "keys" in mine),
}


def shape(result):
    if "keys" not in result:
        return "failure"
    ends = result["expiration"]
    return [result["keys"], None if ends is None else min(ends, LAST_TIME)]


def without_mount_region(requests):
    text = json.dumps(requests)
    return json.loads(re.sub(r"sts(-fips)?\.((us-east-1|aws-global)\.)?(amazonaws\.com|api\.aws)|"
                             r"sts(-fips)?\.ca-central-1\.(amazonaws\.com|api\.aws)", "STS", text)
                      .replace('"us-east-1", "sts"', '"R", "sts"')
                      .replace('"ca-central-1", "sts"', '"R", "sts"'))


def difference(case, mine, theirs):
    """None, or what differs; an argued difference is its name in brackets."""
    if mine.get("error", "ours") != "ours":
        return "our program broke: " + mine["text"]
    what = None
    if shape(mine) != shape(theirs):
        what = f"result: ours {shape(mine)}, theirs {shape(theirs)}"
    elif "keys" in mine:
        my_requests, their_requests = normal(mine["requests"]), normal(theirs["requests"])
        if MOUNT_REGION in json.dumps(my_requests):
            my_requests, their_requests = map(without_mount_region, (my_requests, their_requests))
        if json.dumps(my_requests, sort_keys=True) != json.dumps(their_requests, sort_keys=True):
            what = f"requests: ours {my_requests}, theirs {their_requests}"
    if what is None:
        return None
    for name, (_, explains) in ARGUED.items():
        if explains(case, mine, theirs):
            return f"[{name}]"
    return what


def kind_of(what):
    return None if what is None else what if what.startswith("[") else what.split(":")[0]


def smaller(case):
    """Cases with one thing less."""
    for name in list(case["environment"]):
        if name != "PATH":
            rest = {key: value for key, value in case["environment"].items() if key != name}
            yield dict(case, environment=rest)
    for name, text in case["files"].items():
        if name.endswith(".json") or name.startswith("program"):
            continue
        lines = text.splitlines(keepends=True)
        for size in (8, 3, 1):
            for at in range(0, len(lines), size):
                shorter = "".join(lines[:at] + lines[at + size:])
                yield dict(case, files=dict(case["files"], **{name: shorter}))


def minimised(oracle, case, what, seconds=20):
    kind = kind_of(what)
    end = time.monotonic() + seconds
    changed = True
    while changed:
        changed = False
        for candidate in smaller(case):
            if time.monotonic() > end:
                return case, what
            try:
                now = difference(candidate, *resolve(oracle, candidate))
            except (ValueError, KeyError):
                continue
            if kind_of(now) == kind:
                case, what, changed = candidate, now, True
                break
    return case, what


STATIC = "aws_access_key_id = A\naws_secret_access_key = s\n"
ROLE = "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = q\n"
PROCESS = ("#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
           "\"Expiration\":\"\"}'\n")
# name in ARGUED -> files and variables that show it
EXAMPLES = {
    "a named profile is final (CRED-3)": (
        {".aws/config": "[profile p]\nregion = eu-west-1\n"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}),
    "a broken section ends only what needs it": (
        {".aws/config": "[other]\nnonsense\n[profile p]\n" + STATIC}, {}),
    "nothing is signed with values that no header can carry": (
        {".aws/config": "[profile p]\n" + STATIC.replace("= A", "= A # old")}, {}),
    "a session that is not there matters to a log-in only": (
        {".aws/config": ROLE + "sso_session = gone\n[profile q]\n" + STATIC}, {}),
    "sts_regional_endpoints matters to STS only": (
        {".aws/config": "[profile p]\nsts_regional_endpoints = LEGACY\nsso_start_url = https://c\n"
                        "sso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n",
         ".aws/sso/cache/" + hashlib.sha1(b"https://c").hexdigest() + ".json":
         '{"accessToken": "cached", "expiresAt": "2099-01-01T00:00:00Z"}'}, {}),
    "an empty Expiration is none": (
        {".aws/config": "[profile p]\ncredential_process = @HOME@/program\n", "program": PROCESS}, {}),
    "the mount's region serves where nothing names one": (
        {".aws/config": ROLE + "endpoint_url = https://sts.example\n[profile q]\n" + STATIC}, {}),
}


class SameAsBotocore(unittest.TestCase):
    def test_each_argued_difference_is_one(self):
        oracle = newest_oracle()
        self.addCleanup(oracle.close)
        self.assertEqual(set(EXAMPLES), set(ARGUED))
        for name, (files, variables) in EXAMPLES.items():
            if is_old(oracle) and re.search("endpoint_url|regional_endpoints", str(files)):
                continue
            with self.subTest(name=name):
                case = {"profile": "p", "files": files,
                        "environment": {"PATH": "/usr/bin:/bin", **variables}}
                mine, theirs = resolve(oracle, case)
                self.assertEqual(difference(case, mine, theirs), f"[{name}]", (mine, theirs))

    def test_random_homes(self):
        oracle = newest_oracle()
        self.addCleanup(oracle.close)
        now = int(time.time())
        kinds, resolved, failed = {}, 0, []
        for seed in range(FIRST, FIRST + COUNT):
            made = Case(seed, now)
            case = {"profile": made.profile, "files": made.files, "environment": made.environment}
            if is_old(oracle):
                case = for_old(case)
            mine, theirs = resolve(oracle, case)
            if is_old(oracle) and theirs.get("error") == "AttributeError":
                # It breaks on a role whose source is a log-in by sso_session (1.29): no answer.
                kinds["botocore broke"] = kinds.get("botocore broke", 0) + 1
                continue
            resolved += "keys" in theirs
            what = difference(case, mine, theirs)
            kind = kind_of(what)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind and not kind.startswith("["):
                failed.append(seed)
                if len(failed) <= 10:
                    small, what = minimised(oracle, case, what)
                    files = {name: text for name, text in small["files"].items() if text.strip()}
                    print(f"seed {seed}: {what}\n  ours: {mine.get('text', '').strip()[-300:]}\n"
                          f"  theirs: {theirs.get('error')} {theirs.get('text')}\n"
                          f"  profile {small['profile']!r} {small['environment']}", file=sys.stderr)
                    for name, text in files.items():
                        print(f"  {name}: {text!r}", file=sys.stderr)
        print(f"botocore {oracle.version}: seeds {FIRST} to {FIRST + COUNT - 1}, {resolved} resolved by "
              f"it; {kinds}", file=sys.stderr)
        self.assertEqual(failed, [], "seeds with a difference that nobody argued")
        # A generator that breaks nearly everything proves nothing.
        self.assertGreater(resolved, COUNT // 4)


if __name__ == "__main__":
    unittest.main()
