#!/usr/bin/python3
"""Promise: whatever an endpoint of AWS answers, a mount fails in bounded time and memory, and its
message names who failed and why, and shows nothing of what came along.

Each endpoint against each fault: the instance metadata service (token, role, credentials, identity
document), the ECS agent, EKS Pod Identity, STS for a web identity and for a role, IAM Identity
Center, EFS, CloudWatch Logs. Real programs in a network of their own.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import unittest

from efs_test import http_faults as bad
from efs_test import machine
from efs_test.files import read
from efs_test.machine import LOG
from efs_test.mount_helper import STATE
from efs_test.programs import program, run
from efs_test.waiting import Stopwatch, wait_for

machine.enter()

# Where EKS hands out credentials: over http no other host may be asked for those of a pod.
POD_IDENTITY = "169.254.170.23"
BLACKHOLE = f"{POD_IDENTITY}:80"
ROLE = "arn:aws:iam::123456789012:role/efs-client"
KEYS = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Code": "Success",
        "Expiration": "2199-01-01T00:00:00Z"}
STS = {"AssumedRoleUser": {"Arn": "arn:aws:sts::123456789012:assumed-role/x/y"},
       "Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t",
                       "Expiration": 4102542245}}
IDENTITY = {"region": "eu-west-3", "availabilityZone": "eu-west-3a", "instanceId": "i-0"}
TARGETS = {"MountTargets": []}
# Of what a reply may cost above a healthy run.
MEMORY_KIB = 8192
SIDE_BY_SIDE, SLOWER = 24, 1
with open(program("mount.efs"), "rb") as binary:
    # The sanitizers keep what was freed, or a shadow of it, and each connection brings more of OpenSSL.
    # What is slower needs more of the processor, too: too many at once and a healthy answer is too late.
    if re.search(rb"__[at]san_init", binary.read()):
        # What is freed stays, 256 MiB of it.
        MEMORY_KIB, SIDE_BY_SIDE, SLOWER = 2 * 262144, 6, 2

# A fault's words in the message; the first of these that the endpoint's own table does not have.
WORDS = {
    "refused": "connect to 127.0.0.1|refused", "blackholed": "timed out|imeout", "silent": "timed out",
    "trickle": "timed out", "untrusted": "certificate", "not-tls": "SSL|TLS|version",
    "cut": "Empty reply|reset|closed", "no-http": "HTTP/0.9|HTTP", "redirect": "302",
    "truncated": "closed|Transferred|transfer", "endless": "longer than [0-9]+ bytes",
    "endless-head": "header|Header|longer",
    **{f"status {status}": f"status {status}" for status in bad.STATUSES},
}
# What is wrong with a body depends on what was wanted.
JSON_WORDS = {"wrong-type": "has no|no usable|not a|lacks|missing|without", "html": "not a JSON object|not JSON|has no Credentials",
              "empty": "not a JSON object|not JSON", "not-utf8": "not a JSON object|not JSON",
              "deep": "nested too deeply|not a JSON object|not JSON"}


def healthy(method, path, body):
    """Every endpoint, all well; the metadata service serves only who brings the token's header."""
    del body
    if method == "PUT":
        return bad.reply("TOKEN")
    if path.endswith("security-credentials/"):
        return bad.reply("efs-client")
    if path.startswith("/latest/dynamic"):
        return bad.reply(json.dumps(IDENTITY))
    if "mount-targets" in path:
        return bad.reply(json.dumps(TARGETS))
    if path.startswith("/federation"):
        return bad.reply(json.dumps({"roleCredentials": {
            "accessKeyId": "ASIA", "secretAccessKey": "s", "sessionToken": "t",
            "expiration": 4102542245000}}))
    if "AssumeRoleWithWebIdentity" in path:
        return bad.reply(json.dumps({"AssumeRoleWithWebIdentityResponse":
                                     {"AssumeRoleWithWebIdentityResult": STS}}))
    if method == "POST":
        return bad.reply(json.dumps({"AssumeRoleResponse": {"AssumeRoleResult": STS}}))
    return bad.reply(json.dumps(KEYS))


def measured(argv, environment, stdin=None):
    """(exit code, standard error, seconds, KiB) of a program; the seconds are its own (Stopwatch)."""
    watch = Stopwatch()
    done = subprocess.run([program("measure-process"), *argv], input=stdin, text=True,
                          capture_output=True, timeout=60, errors="replace",
                          env={"PATH": os.environ["PATH"], **environment})
    text, _, figures = done.stderr.rstrip("\n").rpartition("\n")
    figures = json.loads(figures)
    others = watch.passed() - watch.own()
    return figures["code"], text, figures["ms"] / 1000 - others, figures["peak_kib"]


def repeated(start, fault):
    """start(), again where it ran out of a time that it would have had on an idle machine: an answer that comes too late is
    none of these faults but those that are waited out."""
    for _ in range(5):
        result = start()
        if fault in bad.WAITED or "timed out" not in result[1]:
            break
    return result


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        machine.build()
        run("ip", "neigh", "add", POD_IDENTITY, "lladdr", "02:00:00:00:00:99", "dev",
                            "eth0", "nud", "permanent")
        run("ip", "route", "add", POD_IDENTITY, "dev", "eth0")
        cls.trap = bad.Listener(lambda connection: None)

    def serve(self, fault, applies):
        server = bad.Server(fault, healthy, applies, f"http://127.0.0.1:{self.trap.port}", BLACKHOLE)
        self.addCleanup(server.close)
        return server

    def judge(self, fault, words, source, result, healthy_peak, limit):
        code, text, seconds, peak = result
        self.assertNotEqual(code, 0, text)
        self.assertIn(source, text)
        self.assertRegex(text, {**WORDS, **words}[fault])
        self.assertNotIn("hush", text)
        self.assertLess(seconds, limit * SLOWER, text)
        self.assertLess(peak, healthy_peak + MEMORY_KIB, text)

    def tearDown(self):
        self.assertEqual(self.trap.accepted, 0, "a redirect was followed")


def credential_cases(home):
    """name: (how the message names the source, whether a request is meant, how to run, words)."""
    def plain(method, path):
        del method, path
        return True

    def tool(environment, **options):
        given = json.dumps({"home": home, "region": "eu-west-1", **options})
        return lambda url: measured([program("find-credentials")],
                               {"AWS_EC2_METADATA_DISABLED": "true",
                                **{k: v.replace("URL", url) for k, v in environment.items()}},
                               given.replace("URL", url))

    imds = tool({"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL"})
    listing = {word: "not the name of a role" for word in JSON_WORDS}
    return {
        "ECS agent": ("container credentials at /x", plain,
                      tool({}, credentials_uri="/x", container_endpoint="URL"), JSON_WORDS),
        "Pod Identity": ("pod identity", plain,
                         tool({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/v1/credentials",
                               "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{home}/jwt"}), JSON_WORDS),
        "web identity": ("web identity", plain,
                         tool({"AWS_ENDPOINT_URL_STS": "URL", "AWS_ROLE_ARN": ROLE,
                               "AWS_WEB_IDENTITY_TOKEN_FILE": f"{home}/jwt"}), JSON_WORDS),
        "AssumeRole": (f"profile p: role {ROLE}", plain,
                       tool({"AWS_ENDPOINT_URL_STS": "URL"}, profile="p"), JSON_WORDS),
        "Identity Center": ("profile corp: IAM Identity Center", plain,
                            tool({"AWS_ENDPOINT_URL_SSO": "URL"}, profile="corp"), JSON_WORDS),
        "role name": ("instance role", lambda _, path: path.endswith("security-credentials/"),
                      imds, listing),
        "role credentials": ("instance role",
                             lambda _, path: path.endswith("security-credentials/efs-client"),
                             imds, JSON_WORDS),
    }


class CredentialEndpoints(Faults):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = directory.name
        os.makedirs(f"{self.home}/.aws/sso/cache", 0o700)
        self.write("jwt", "a.b.c")
        self.write(".aws/credentials",
                   "[base]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
        self.write(".aws/config",
                   f"[profile p]\nrole_arn = {ROLE}\nsource_profile = base\n"
                   "[profile corp]\nsso_start_url = https://x.test/start\nsso_region = eu-west-1\n"
                   "sso_account_id = 123456789012\nsso_role_name = efs-client\n")
        # Named as "aws sso login" does.
        name = hashlib.sha1(b"https://x.test/start").hexdigest()
        self.write(f".aws/sso/cache/{name}.json",
                   json.dumps({"accessToken": "log-in", "expiresAt": "2199-01-01T00:00:00Z"}))
        self.cases = credential_cases(self.home)

    def write(self, name, text):
        path = pathlib.Path(self.home, name)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def test_every_endpoint_and_every_fault(self):
        peaks = {}
        for name, (_, applies, start, _) in self.cases.items():
            code, text, _, peaks[name] = start(self.serve("", applies).url)
            self.assertEqual(code, 0, f"{name}: {text}")
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            # Those that wait first; the others pass by meanwhile.
            order = sorted(bad.FAULTS, key=lambda fault: fault not in bad.WAITED)
            results = {(name, fault): pool.submit(repeated, functools.partial(start, self.serve(fault, applies).url), fault)
                       for fault in order for name, (_, applies, start, _) in self.cases.items()}
            for (name, fault), result in results.items():
                source, _, _, words = self.cases[name]
                with self.subTest(endpoint=name, fault=fault):
                    self.judge(fault, words, source, result.result(), peaks[name], 20)

    def test_the_metadata_token(self):
        # Without a token the service answers 401, so the token's fault is what must be told.
        def without_token(method, path, body):
            return healthy(method, path, body) if method == "PUT" else bad.reply("", 401)
        start = self.cases["role credentials"][2]
        for fault in bad.FAULTS:
            if fault in ("refused", "blackholed", "untrusted", "not-tls"):
                continue  # of the connection: the same as for the role's name
            words = {"wrong-type": "status 401", "html": "status 401", "truncated": "no token",
                     "empty": "not plain text", "not-utf8": "not plain text|status 401",
                     "deep": "longer than 4096|status 401", "endless": "longer than 4096"}
            server = bad.Server(fault, without_token, lambda method, _: method == "PUT",
                                f"http://127.0.0.1:{self.trap.port}", BLACKHOLE)
            self.addCleanup(server.close)
            with self.subTest(fault=fault):
                result = repeated(lambda: start(server.url), fault)
                self.judge(fault, words, "instance role", result, result[3], 10)


class MountEndpoints(Faults):
    """What mount.efs asks itself; one after the other, because they share its log."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.udp.bind(("127.0.0.1", 53))
        cls.dns = threading.Thread(target=cls.answer_no_such_name)
        cls.dns.start()

    @classmethod
    def tearDownClass(cls):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"", ("127.0.0.1", 53))
        cls.dns.join()
        cls.udp.close()

    @classmethod
    def answer_no_such_name(cls):
        while True:
            query, peer = cls.udp.recvfrom(4096)
            if not query:
                return
            cls.udp.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], peer)

    def test_identity_document(self):
        machine.write_config(dns_name_format="{az}.{fs_id}.efs.{region}.{dns_name_suffix}")
        applies = lambda _, path: path.startswith("/latest/dynamic")  # noqa: E731
        words = {fault: "instance identity document" for fault in JSON_WORDS}
        peak = None
        for fault in ("", *bad.FAULTS):
            with self.subTest(fault=fault):
                url = self.serve(fault, applies).url
                # The region that an earlier mount was told would serve this one.
                pathlib.Path(f"{STATE}/instance-region").unlink(missing_ok=True)
                argv = [program("mount.efs"), "fs-0123abcd:/", "/run/mountpoint", "-f", "-o", "tls"]
                result = repeated(lambda: measured(argv, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
                                                          "AWS_ENDPOINT_URL_EFS": "http://127.0.0.1:1"}), fault)
                if not fault:
                    self.assertIn("eu-west-3a.fs-0123abcd.efs.eu-west-3", result[1])
                    peak = result[3]
                    continue
                self.judge(fault, words, "Error retrieving region", result, peak, 10)

    def test_describe_mount_targets(self):
        machine.write_config()
        metadata = self.serve("", lambda *_: False).url
        peak = None
        words = {fault: "not a JSON object|MountTargets" for fault in JSON_WORDS}
        for fault in ("", *bad.FAULTS):
            with self.subTest(fault=fault):
                url = self.serve(fault, lambda *_: True).url
                argv = [program("mount.efs"), "fs-0123abcd:/", "/run/mountpoint", "-f", "-o", "tls"]
                result = repeated(lambda: measured(argv, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
                                                          "AWS_ENDPOINT_URL_EFS": url}), fault)
                if not fault:
                    self.assertIn("has no available mount target", result[1])
                    peak = result[3]
                    continue
                self.judge(fault, words, "DescribeMountTargets", result, peak, 15)

    def test_cloudwatch_logs(self):
        machine.write_config(cloudwatch=True)
        metadata = self.serve("", lambda *_: False).url
        for fault in bad.FAULTS:
            with self.subTest(fault=fault):
                url = self.serve(fault, lambda *_: True).url

                def told():
                    if os.path.exists(LOG):
                        os.unlink(LOG)
                    code, text, seconds, _ = measured(
                        [program("mount.efs"), "no device", "/run/mountpoint", "-o", "tls"],
                        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata, "AWS_ENDPOINT_URL_LOGS": url})
                    self.assertEqual(code, 1)
                    self.assertNotIn("CloudWatch", text)
                    self.assertLess(seconds, 3 * SLOWER)  # 1 s, and a busy machine
                    return wait_for("its line", lambda: read(LOG))
                # A reply that is no JSON is no failure: nothing in it is needed.
                if fault in JSON_WORDS:
                    wait_for("one in time", lambda: "CloudWatch Logs: not done" not in told())
                    continue
                log = told()
                wait_for("the warning", lambda: "WARNING - CloudWatch Logs: " in read(LOG))
                log = read(LOG)
                self.assertTrue(re.search(WORDS[fault], log) or "given up" in log, log)
                self.assertNotIn("hush", log)


if __name__ == "__main__":
    unittest.main()
