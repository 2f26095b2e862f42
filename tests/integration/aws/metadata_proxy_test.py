#!/usr/bin/python3
"""Services of this host are never asked by a proxy, whatever its variables say; others are.

A network namespace of its own with the metadata services at their real addresses, and a proxy that
notes every request and lies: it hands out keys of its own. Credential URIs of containers in clear
text go only to this host.
"""
import http.server
import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest

from efs_test import machine
from efs_test.programs import program

machine.enter()

PROXY = "http://10.1.2.3:3128"
ADDRESSES = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23",
             "10.1.2.3", "10.1.2.4")
ALWAYS = {name: PROXY for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY",
                                   "all_proxy", "ALL_PROXY")}


def keys(name):
    return json.dumps({"Code": "Success", "AccessKeyId": name, "SecretAccessKey": "s",
                       "Token": "t", "SessionToken": "t"})


class Service(http.server.BaseHTTPRequestHandler):
    """The metadata service and both container services."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.server.seen.append("%s %s" % (self.command, self.path))
        name = self.server.keys
        if self.command == "CONNECT":
            text, status = "", 403
        elif self.path.endswith("/latest/api/token"):
            text, status = "session", 200
        elif self.path.endswith("/meta-data/iam/security-credentials/"):
            text, status = name.lower(), 200
        elif self.path.endswith("/away"):
            self.send_response(302)
            self.send_header("Location", "http://10.1.2.4:80/keys")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        else:
            text, status = keys(name), 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PUT = do_POST = do_CONNECT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address, port, name):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.seen, self.keys = [], name
        super().__init__((address, port), Service)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class MetadataProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)
        for address in ADDRESSES:
            bits = ["/128", "nodad"] if ":" in address else ["/32"]
            subprocess.run(["ip", "addr", "add", address + bits[0], "dev", "lo", *bits[1:]],
                           check=True, timeout=30)
        with tempfile.NamedTemporaryFile("w") as hosts:
            hosts.write("127.0.0.1 localhost\n169.254.169.254 imds.example\n10.1.2.4 far.example\n")
            hosts.flush()
            subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True, timeout=30)
        cls.proxy = Server("10.1.2.3", 3128, "LIAR")
        cls.far = Server("10.1.2.4", 80, "FAR")
        cls.loopback = Server("127.0.0.1", 0, "TRUE")
        cls.port = cls.loopback.server_address[1]
        cls.services = [Server(address, 80, "TRUE") for address in ADDRESSES[:5]]

    def setUp(self):
        self.proxy.seen.clear()
        self.far.seen.clear()
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = home.name
        os.mkdir(self.home + "/.aws", 0o700)
        self.token = self.home + "/token"
        self.write(self.token, "bearer")

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o600)

    def find(self, options=None, **environment):
        return subprocess.run(
            [program("find-credentials")], capture_output=True, text=True, timeout=60,
            input=json.dumps({"home": self.home, "region": "us-east-1", **(options or {})}),
            env=environment)

    def assertFound(self, done, key="TRUE"):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["access_key_id"], key)

    def test_metadata_is_never_asked_by_a_proxy(self):
        """CRED-4, CRED-7, section 10: each of all the ways to name an address of this host."""
        for endpoint in ("", "http://169.254.169.254/", "http://[fd00:ec2::254]",
                         "http://2852039166", "http://0xa9fea9fe", "http://0251.0376.0251.0376",
                         "http://169.254.43518", "http://imds.example",
                         "http://localhost:%d" % self.port, "http://127.1:%d" % self.port,
                         "http://[::ffff:a9fe:a9fe]"):
            for none in ("", "example.com", "10.1.2.3"):
                with self.subTest(endpoint=endpoint, no_proxy=none):
                    done = self.find(AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint, no_proxy=none,
                                     NO_PROXY=none, **ALWAYS)
                    self.assertFound(done)
                    self.assertEqual(self.proxy.seen, [])

    def test_the_other_mode_of_the_metadata_service(self):
        self.assertFound(self.find(AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv6", **ALWAYS))
        self.assertEqual(self.proxy.seen, [])

    def test_container_credentials_are_never_fetched_by_a_proxy(self):
        self.assertFound(self.find(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/x", **ALWAYS))
        for host in ("169.254.170.23", "[fd00:ec2::23]", "169.254.170.2",
                     "localhost:%d" % self.port, "127.0.0.1:%d" % self.port):
            with self.subTest(host=host):
                self.assertFound(self.find(
                    AWS_CONTAINER_CREDENTIALS_FULL_URI="http://%s/v1/credentials" % host,
                    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.token, **ALWAYS))
        self.assertEqual(self.proxy.seen, [])

    def test_container_credentials_in_clear_text_stay_on_this_host(self):
        """As botocore: nothing is sent, not even the token."""
        self.write(self.home + "/.aws/config", "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n"
                   "credential_source = EcsContainer\n")
        for url in ("http://10.1.2.4/keys", "http://far.example/keys", "http://localhost@10.1.2.4/",
                    "http://imds.example/", "http://169.254.170.2.far.example/",
                    "http://169.254.169.254/keys", "http://10.1.2.4#@localhost/",
                    "http://10.1.2.4\\@localhost/", "ftp://localhost/"):
            for options in ({}, {"profile": "p"}):
                with self.subTest(url=url, **options):
                    done = self.find(options, AWS_CONTAINER_CREDENTIALS_FULL_URI=url,
                                     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.token)
                    self.assertNotEqual(done.returncode, 0, done.stdout)
                    self.assertIn("to which keys must not go in clear text", done.stderr)
                    self.assertIn("it must be https", done.stderr)
        self.assertEqual(self.far.seen, [])

    def test_a_redirect_is_not_followed(self):
        done = self.find(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/away",
                         AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=self.token)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("redirect", done.stderr)
        self.assertEqual(self.far.seen, [])

    def test_netrc_is_not_read(self):
        """A password of the user's for this host is none of the service's business."""
        self.write(self.home + "/.netrc", "machine 169.254.169.254 login u password netrc-secret\n")
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        heads = []

        def serve():
            connection = listener.accept()[0]
            with connection:
                heads.append(connection.recv(65536))
        thread = threading.Thread(target=serve)
        thread.start()
        self.write(self.home + "/.netrc", "default login u password netrc-secret\n")
        self.find(HOME=self.home, AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:%d" %
                  listener.getsockname()[1])
        thread.join(30)
        self.assertNotIn(b"uthorization", heads[0])

    def test_other_services_are_asked_by_the_proxy(self):
        """Section 10: http_proxy still counts for what is elsewhere."""
        self.write(self.home + "/.aws/credentials", "[s]\naws_access_key_id = AKIA\n"
                   "aws_secret_access_key = s\n")
        self.write(self.home + "/.aws/config", "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n"
                   "source_profile = s\n")
        self.find({"profile": "p"}, AWS_ENDPOINT_URL_STS="http://sts.example", **ALWAYS)
        self.assertIn("POST http://sts.example/", self.proxy.seen)


if __name__ == "__main__":
    unittest.main()
