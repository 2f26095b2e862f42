#!/usr/bin/python3
"""Promise: the requests that fetch credentials are those that AWS accepts, whoever checks them.

The chain runs in a real process (find-credentials) against servers of this file. botocore verifies
each AssumeRole signature and reads the same profiles; https is real, with an authority of our own.
"""
import datetime
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from efs_test.programs import program

ROLE = "arn:aws:iam::123456789012:role/efs-client"
SECRETS = {"AKIABASE": ("base/secret+", None), "ASIAFIRST": ("first/secret", "first/token==")}


def assumed(key, secret, token):
    return {"AssumeRoleResponse": {"AssumeRoleResult": {
        "AssumedRoleUser": {"Arn": "arn:aws:sts::123456789012:assumed-role/x/y"},
        "Credentials": {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token,
                        "Expiration": time.time() + 900}}}}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def handle_request(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        server = self.server
        server.requests.append((self.command, self.path, dict(self.headers.items()), body))
        status, reply = server.answer(self, body)
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = handle_request


class Server:
    """An HTTP server whose answers are a function; https when given a context."""

    def __init__(self, answer, context=None):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.requests, self.http.answer = [], answer
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://localhost:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def requests(self):
        return self.http.requests

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = directory.name
        os.mkdir(f"{self.home}/.aws", 0o700)
        self.environment = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}

    def serve(self, answer, context=None):
        server = Server(answer, context)
        self.addCleanup(server.close)
        return server

    def write(self, name, text):
        with open(f"{self.home}/.aws/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{self.home}/.aws/{name}", 0o600)

    def run_chain(self, **options):
        given = dict({"home": self.home, "region": "eu-west-1"}, **options)
        return subprocess.run([program("find-credentials")], input=json.dumps(given),
                              env=self.environment, capture_output=True, text=True, timeout=60)

    def find(self, **options):
        result = self.run_chain(**options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def failure(self, **options):
        result = self.run_chain(**options)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        return result.stderr


class SignedRequests(Case):
    """Every AssumeRole, verified by botocore's signer over the request as it arrived."""

    def verify(self, handler, body):
        authorization = handler.headers["Authorization"]
        fields = dict(part.strip().split("=", 1)
                      for part in authorization.split(" ", 1)[1].split(","))
        key, date, region, service, _ = fields["Credential"].split("/")
        secret, token = SECRETS[key]
        self.check((region, service), ("eu-west-1", "sts"))
        self.check(handler.headers.get("X-Amz-Security-Token"), token)
        self.check(handler.headers["X-Amz-Date"][:8], date)
        request = AWSRequest(method=handler.command, data=body.encode(),
                             url=f"http://{handler.headers['Host']}{handler.path}")
        for name in fields["SignedHeaders"].split(";"):
            if name != "host":
                request.headers[name] = handler.headers[name]
        request.context["timestamp"] = handler.headers["X-Amz-Date"]
        signer = botocore.auth.SigV4Auth(Credentials(key, secret, token), service, region)
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        self.check(fields["Signature"], signer.signature(to_sign, request))
        signed_at = datetime.datetime.strptime(handler.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        self.check(abs((datetime.datetime.utcnow() - signed_at).total_seconds()) < 120, True)
        return key

    def check(self, given, wanted):
        if given != wanted:
            self.problems.append(f"{given!r} instead of {wanted!r}")

    def sts(self, handler, body):
        key = self.verify(handler, body)
        if key == "AKIABASE" and "first" in body:
            return 200, assumed("ASIAFIRST", *SECRETS["ASIAFIRST"])
        return 200, assumed("ASIASECOND", "second", "second")

    def setUp(self):
        super().setUp()
        self.problems = []
        self.server = self.serve(self.sts)
        self.environment["AWS_ENDPOINT_URL_STS"] = self.server.url
        self.write("credentials", "[base]\naws_access_key_id = AKIABASE\n"
                                  "aws_secret_access_key = base/secret+\n")

    def test_a_chain_of_two_roles(self):
        self.write("config", f"[profile p]\nrole_arn = {ROLE}\n"
                   "source_profile = q\nexternal_id = a/b é & c\nduration_seconds = 3600\n"
                   "[profile q]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = base\n")
        found = self.find(profile="p")
        self.assertEqual(self.problems, [])
        self.assertEqual(found["access_key_id"], "ASIASECOND")
        self.assertEqual(found["method"], "named_profile:p")
        self.assertEqual(found["arn"], "arn:aws:sts::123456789012:assumed-role/x/y")
        self.assertAlmostEqual(found["expiration"], time.time() + 900, delta=120)
        form = parse_qs(self.server.requests[1][3], strict_parsing=True)
        self.assertEqual(form, {
            "Version": ["2011-06-15"], "Action": ["AssumeRole"],
            "RoleArn": [ROLE], "RoleSessionName": ["efs-mount-helper"],
            "ExternalId": ["a/b é & c"], "DurationSeconds": ["3600"]})
        again = self.find(method=found["method"])
        self.assertEqual(again["access_key_id"], "ASIASECOND")
        self.assertEqual((len(self.server.requests), self.problems), (4, []))


class SameAsBotocore(Case):
    """botocore, given the same files, takes the same keys for the sources that need no network."""

    CONFIG = """
[default]
region = eu-west-1
[profile plain]
aws_access_key_id = PLAIN
aws_secret_access_key = s1
aws_session_token = t1
[profile "with blank"]
aws_access_key_id: BLANK
AWS_SECRET_ACCESS_KEY: s2
[profile process]
credential_process = /bin/sh -c "echo '{\\"Version\\": 1, \\"AccessKeyId\\": \\"PROC\\", \\"SecretAccessKey\\": \\"s3\\"}'"
[profile both]
aws_access_key_id = OLD
aws_secret_access_key = old
[profile processed]
credential_process = /bin/false
"""
    CREDENTIALS = """
[both]
aws_access_key_id = NEW
aws_secret_access_key = new
[processed]
aws_access_key_id = STATIC
aws_secret_access_key = s4
"""

    def test_the_same_keys(self):
        self.write("config", self.CONFIG)
        self.write("credentials", self.CREDENTIALS)
        for profile in ("plain", "with blank", "process", "both", "processed"):
            with self.subTest(profile=profile):
                found = self.find(profile=profile)
                ours = [found[k] for k in ("access_key_id", "secret_access_key", "session_token")]
                script = ("import botocore.session as b, sys; s = b.get_session();"
                          "s.set_config_variable('profile', sys.argv[1]);"
                          "c = s.get_credentials().get_frozen_credentials();"
                          "import json; print(json.dumps(list(c)))")
                theirs = subprocess.run(["/usr/bin/python3", "-c", script, profile], check=True,
                                        env=dict(self.environment, HOME=self.home), text=True,
                                        capture_output=True, timeout=60)
                self.assertEqual(ours, json.loads(theirs.stdout))


class Https(Case):
    """A server is believed only with the right authority and name."""

    def setUp(self):
        super().setUp()
        self.authority = f"{self.home}/ca.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", f"{self.home}/key.pem", "-out", self.authority, "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, f"{self.home}/key.pem")
        reply = {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult":
                 assumed("ASIAWEB", "s", "t")["AssumeRoleResponse"]["AssumeRoleResult"]}}
        self.server = self.serve(lambda *_: (200, reply), context)
        self.write("jwt", "a.b.c\n")
        self.environment.update(AWS_ENDPOINT_URL_STS=self.server.url,
                                AWS_ROLE_ARN="arn:aws:iam::1:role/web",
                                AWS_WEB_IDENTITY_TOKEN_FILE=f"{self.home}/.aws/jwt")

    def test_the_bundle_of_the_variable_is_used(self):
        self.environment["AWS_CA_BUNDLE"] = self.authority
        self.assertEqual(self.find()["access_key_id"], "ASIAWEB")
        command, path, headers, _ = self.server.requests[0]
        query = parse_qs(urlsplit(path).query, strict_parsing=True)
        self.assertEqual((command, query["WebIdentityToken"]), ("GET", ["a.b.c"]))
        self.assertEqual(headers["Accept"], "application/json")

    def test_the_bundles_of_other_programs_are_used_where_ours_is_not_set(self):
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            with self.subTest(name=name):
                self.environment[name] = self.authority
                self.assertEqual(self.find()["access_key_id"], "ASIAWEB")
                self.environment["AWS_CA_BUNDLE"] = "/no/such/bundle.pem"
                self.assertIn("/no/such/bundle.pem", self.failure())
                del self.environment["AWS_CA_BUNDLE"], self.environment[name]

    def test_without_it_the_server_is_not_believed(self):
        text = self.failure()
        self.assertIn("certificate", text)
        self.assertEqual(self.server.requests, [])

    def test_another_name_is_not_believed(self):
        self.environment["AWS_CA_BUNDLE"] = self.authority
        self.environment["AWS_ENDPOINT_URL_STS"] = self.server.url.replace("localhost", "127.0.0.1")
        self.assertIn("127.0.0.1", self.failure())
        self.assertEqual(self.server.requests, [])

    def test_a_missing_bundle_is_named(self):
        self.environment["AWS_CA_BUNDLE"] = "/no/such/bundle.pem"
        self.assertIn("/no/such/bundle.pem", self.failure())


class Proxies(Case):
    def test_no_proxy_is_asked_for_a_service_of_this_host(self):
        server = self.serve(lambda *_: (200, {"AccessKeyId": "ECS", "SecretAccessKey": "s",
                                              "Token": "t"}))
        self.environment["http_proxy"] = "http://127.0.0.1:1"
        options = {"credentials_uri": "/x", "container_endpoint": server.url}
        self.assertEqual(self.find(**options)["access_key_id"], "ECS")


class Secrets(Case):
    def test_nothing_secret_reaches_argv_or_the_environment_of_a_child(self):
        self.write("credentials", "[p]\naws_session_token = hush-token\n")
        self.write("config", "[profile p]\ncredential_process = /bin/sh " + self.home + "/show\n")
        with open(f"{self.home}/show", "w", encoding="utf-8") as file:
            file.write('tr "\\0" "\\n" </proc/self/environ >"$HOME/environ"\n'
                       'tr "\\0" "\\n" </proc/$PPID/cmdline >"$HOME/argv"\n'
                       'ls -l /proc/self/fd >"$HOME/fds"\n'
                       'echo \'{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}\'\n')
        self.assertEqual(self.find(profile="p")["access_key_id"], "A")
        for name in ("environ", "argv"):
            with open(f"{self.home}/{name}", encoding="utf-8") as file:
                self.assertNotIn("hush", file.read())
        with open(f"{self.home}/fds", encoding="utf-8") as file:
            self.assertNotIn("/.aws/", file.read())


if __name__ == "__main__":
    unittest.main()
