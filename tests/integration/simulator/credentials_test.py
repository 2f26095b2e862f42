"""The endpoints that hand out credentials accept what AWS accepts, and the chain gets through them.

Each source is used by the product's own chain (find-credentials) and then by a renewal (CRED-10);
what AWS refuses is refused with AWS's code; every fault ends the look-up in time with its cause.
"""

import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from urllib.parse import urlencode

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from efs_test.processes import free_port
from efs_test.programs import program
from efs_test.simulator import ROLE, Simulator, USER
from efs_test.waiting import SCALE, Stopwatch

ARN = "arn:aws:iam::123456789012:role/"
# Tokens of identities that go through headers, which carry no blank.
ROLES = [dict(ROLE, access_key_id="ASIA" + name.upper(), session_token=f"tok/{name}+==", role=name,
              arn=f"arn:aws:sts::123456789012:assumed-role/{name}/i-0")
         for name in ("efs-client", "task", "pod", "web", "admin")]
SSO_CACHE = "ee0bfd2552fbd840c02cc48b6e823320543c450f.json"  # sha1("corp")


class Endpoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator(identities=ROLES + [USER], file_systems=[])
        cls.port = free_port(cls.sim.ip_a)
        cls.url = f"http://{cls.sim.ip_a}:{cls.port}"
        cls.sim.config["credentials"] = {
            "listen": f"{cls.sim.ip_a}:{cls.port}", "pod_token": "pod-token", "pod_role": "pod",
            "web_identity_token": "head.pay+load/=.sign", "sso_token": "log-in",
            "sso_refresh_token": "again"}
        cls.sim.save()
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = directory.name
        os.makedirs(f"{self.home}/.aws/sso/cache", 0o700)
        imds = f"http://{self.sim.ip_a}:{self.sim.imds_port}"
        self.environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": self.url,
                            "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds}
        self.write("token", "pod-token\n")
        self.write("jwt", "head.pay+load/=.sign\n")
        self.write("credentials", f"[user]\naws_access_key_id = {USER['access_key_id']}\n"
                   f"aws_secret_access_key = {USER['secret_access_key']}\n")
        self.write("config", f"[profile admin]\nrole_arn = {ARN}admin\nsource_profile = user\n"
                   "external_id = a b+c\nduration_seconds = 900\n"
                   f"[profile chain]\nrole_arn = {ARN}task\nsource_profile = admin\n"
                   f"[profile metadata]\nrole_arn = {ARN}web\n"
                   "credential_source = Ec2InstanceMetadata\n"
                   "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\n"
                   "sso_role_name = admin\n[sso-session corp]\nsso_region = us-east-1\n"
                   "sso_start_url = https://corp\n")
        self.write("sso/cache/" + SSO_CACHE,
                   json.dumps({"accessToken": "log-in", "expiresAt": "2100-01-01T00:00:00Z"}))

    def write(self, name, text):
        with open(f"{self.home}/.aws/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{self.home}/.aws/{name}", 0o600)

    def run_chain(self, environment=None, **options):
        given = {"home": self.home, "region": "us-east-1", "container_endpoint": self.url}
        return subprocess.run([program("find-credentials")], input=json.dumps({**given, **options}),
                              env={**self.environment, **(environment or {})},
                              capture_output=True, text=True, timeout=90)

    def sources(self):
        """name of the control command, options, environment, role, start of the method"""
        pod = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v1/credentials",
               "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{self.home}/.aws/token"}
        web = {"AWS_ROLE_ARN": ARN + "web",
               "AWS_WEB_IDENTITY_TOKEN_FILE": f"{self.home}/.aws/jwt"}
        return [
            ("ecs", {"credentials_uri": "/v2/credentials/task"}, {}, "task", "ecs:/v2/"),
            ("ecs", {}, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/task"}, "task",
             "ecs:/v2/"),
            ("pod", {}, pod, "pod", "podidentity:http"),
            ("sts", {}, web, "web", "webidentity:arn:"),
            ("sts", {"role_arn": ARN + "web", "jwt_path": f"{self.home}/.aws/jwt"}, {}, "web",
             "webidentity:arn:"),
            ("sts", {"profile": "admin"}, {}, "admin", "named_profile:admin"),
            ("sts", {"profile": "chain"}, {}, "task", "named_profile:chain"),
            ("sts", {"profile": "metadata"}, {}, "web", "named_profile:metadata"),
            ("sso", {"profile": "sso"}, {}, "admin", "named_profile:sso"),
            (None, {}, {}, "efs-client", "metadata:"),
        ]

    # CRED-1, CRED-2, CRED-3, CRED-4, CRED-10
    def test_each_source_gives_its_role_and_so_does_its_renewal(self):
        for _, options, environment, role, method in self.sources():
            with self.subTest(method=method, options=options):
                result = self.run_chain(environment, **options)
                self.assertEqual(result.returncode, 0, result.stderr)
                found = json.loads(result.stdout)
                self.assertEqual(found["access_key_id"], "ASIA" + role.upper())
                self.assertEqual(found["session_token"], f"tok/{role}+==")
                self.assertTrue(found["method"].startswith(method), found["method"])
                self.assertGreater(found["expiration"], time.time() + 600)
                if options.get("profile") != "sso":
                    self.assertIn(f"/{role}", found["arn"])
                again = self.run_chain(method=found["method"])
                self.assertEqual(again.returncode, 0, again.stderr)
                self.assertEqual(json.loads(again.stdout)["access_key_id"], "ASIA" + role.upper())

    def test_every_fault_ends_the_look_up_in_time(self):
        faults = {"status 403": "status 403", "status 404": "status 404",
                  "status 503": "status 503", "status 302": "a redirect",
                  "truncated": " to ", "garbage": "not a JSON object", "huge": "longer than",
                  "blackhole": "timed out"}
        by_name = {entry[0]: entry for entry in self.sources() if entry[0]}
        for name, (_, options, environment, _, _) in by_name.items():
            for fault, reason in faults.items():
                if fault == "blackhole" and name != "sts":
                    continue  # 17 s each
                with self.subTest(endpoint=name, fault=fault):
                    self.sim.ctl(f"credentials {name} {fault}")
                    watch = Stopwatch()
                    result = self.run_chain(environment, **options)
                    self.assertLess(watch.own(), 30 * SCALE)
                    self.assertEqual((result.returncode, result.stdout), (1, ""))
                    self.assertIn(reason, result.stderr)
                    for secret in ("pod-token", "pay", "log-in", USER["secret_access_key"], "tok/"):
                        self.assertNotIn(secret, result.stderr)
                    self.sim.ctl(f"credentials {name} ok")

    def test_a_slow_endpoint_is_waited_for(self):
        self.sim.ctl("credentials ecs slow 1500")
        self.addCleanup(self.sim.ctl, "credentials ecs ok")
        self.assertEqual(self.run_chain(credentials_uri="/v2/credentials/task").returncode, 0)

    def test_what_aws_refuses_is_told_with_its_code(self):
        rows = [({"profile": "sso"}, "sso/cache/" + SSO_CACHE,
                 json.dumps({"accessToken": "other", "expiresAt": "2100-01-01T00:00:00Z"}),
                 "UnauthorizedException: Session token not found or invalid"),
                ({"role_arn": ARN + "web", "jwt_path": f"{self.home}/.aws/jwt"}, "jwt", "a.b.c",
                 "InvalidIdentityToken"),
                ({"role_arn": ARN + "gone", "jwt_path": f"{self.home}/.aws/jwt"}, "jwt",
                 "head.pay+load/=.sign", "AccessDenied: Not authorized to perform sts:"),
                ({"profile": "admin"}, "credentials", "[user]\naws_access_key_id = "
                 f"{USER['access_key_id']}\naws_secret_access_key = wrong\n",
                 "SignatureDoesNotMatch"),
                ({"profile": "admin"}, "credentials", "[user]\naws_access_key_id = AKIAGONE\n"
                 "aws_secret_access_key = wrong\n", "InvalidClientTokenId")]
        for options, file, content, reason in rows:
            with self.subTest(reason=reason):
                self.write(file, content)
                result = self.run_chain(**options)
                self.assertEqual(result.returncode, 1)
                self.assertIn(reason, result.stderr)

    # Both directions; the role of a role is asked with the time that the first answer told.
    def test_a_wrong_clock_is_corrected_once_and_told(self):
        self.addCleanup(self.sim.ctl, "clock 0")
        for offset, word in ((3600, "behind"), (-7200, "ahead of")):
            self.sim.ctl(f"clock {offset}")
            for profile in ("admin", "chain"):
                with self.subTest(offset=offset, profile=profile):
                    result = self.run_chain(profile=profile, log=True)
                    self.assertEqual(result.returncode, 0, result.stderr)
                    found = json.loads(result.stdout)
                    self.assertAlmostEqual(found["clock_skew"], offset, delta=20)
                    self.assertGreater(found["expiration"], time.time() + 600)
                    self.assertLess(found["expiration"], time.time() + 4000)
                    self.assertEqual(result.stderr.count("clock is"), 1, result.stderr)
                    self.assertRegex(result.stderr, rf"clock is \d+ s {word} that of STS")

    def test_a_clock_that_is_right_is_no_excuse_for_a_wrong_key(self):
        self.write("credentials", f"[user]\naws_access_key_id = {USER['access_key_id']}\n"
                   "aws_secret_access_key = wrong\n")
        result = self.run_chain(profile="admin", log=True)
        self.assertIn("SignatureDoesNotMatch", result.stderr)
        self.assertNotIn("clock", result.stderr)

    # The simulator itself, judged by botocore's signer: it must not accept only our own.
    def ask_sts(self, change=lambda request: None, body=None, credentials=None):
        body = body or urlencode({"Version": "2011-06-15", "Action": "AssumeRole",
                                  "RoleArn": ARN + "task", "RoleSessionName": "test"})
        request = AWSRequest("POST", self.url + "/", data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded"})
        keys = credentials or Credentials(USER["access_key_id"], USER["secret_access_key"])
        botocore.auth.SigV4Auth(keys, "sts", "us-east-1").add_auth(request)
        change(request)
        sent = urllib.request.Request(request.url, data=request.data.encode(), method="POST",
                                      headers=dict(request.headers.items()))
        try:
            with urllib.request.urlopen(sent, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_botocores_signature_is_accepted_in_xml_and_a_changed_one_is_not(self):
        status, text = self.ask_sts()
        self.assertEqual(status, 200, text)
        self.assertIn("<AccessKeyId>ASIATASK</AccessKeyId>", text)
        role = ROLES[0]
        status, text = self.ask_sts(credentials=Credentials(
            role["access_key_id"], role["secret_access_key"], role["session_token"]))
        self.assertEqual(status, 200, text)

        def header(name, value):
            def change(request):
                del request.headers[name]
                if value is not None:
                    request.headers[name] = value
            return change
        changes = {
            "SignatureDoesNotMatch": [
                header("Content-Type", "text/plain"), header("X-Amz-Date", "20200101T000000Z"),
                header("X-Amz-Extra", "not signed"),
                lambda request: setattr(request, "data", request.data + "&DurationSeconds=900")],
            "InvalidClientTokenId": [header("X-Amz-Security-Token", "other")],
            "MissingAuthenticationToken": [header("Authorization", None)]}
        for code, list_of_changes in changes.items():
            for number, change in enumerate(list_of_changes):
                with self.subTest(code=code, number=number):
                    status, text = self.ask_sts(change)
                    self.assertEqual(status, 403, text)
                    self.assertIn(f"<Code>{code}</Code>", text)


if __name__ == "__main__":
    unittest.main()
