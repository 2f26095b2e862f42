"""The simulator's DNS answers as AWS does for EFS names, its IMDS demands tokens."""

import json
import socket
import struct
import time
import unittest
import urllib.error
import urllib.request

from efs_test.simulator import FS, FS2, ROLE, Simulator
from efs_test.waiting import WAIT, wait_for

A, AAAA = 1, 28
ZONE = "efs.us-east-1.amazonaws.com"


def query_bytes(name, kind, number=0x1234, edns=False):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split("."))
    question = labels + b"\0" + struct.pack(">HH", kind, 1)
    more = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0) if edns else b""
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 1 if edns else 0) + question + more


def parse_reply(reply, query):
    number, flags, questions, answers = struct.unpack(">HHHH", reply[:8])
    assert number == 0x1234 and flags & 0x8000 and questions == 1, reply
    rest = reply[12 + query.index(b"\0", 12) + 5 - 12:]
    addresses = []
    for _ in range(answers):
        pointer, kind, _cls, _ttl, size = struct.unpack(">HHHIH", rest[:12])
        assert pointer == 0xC00C
        family = socket.AF_INET if kind == A else socket.AF_INET6
        addresses.append(socket.inet_ntop(family, rest[12:12 + size]))
        rest = rest[12 + size:]
    assert rest == b"", rest
    return flags & 0xF, addresses


class Dns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator()
        cls.sim.config["file_systems"][1]["mount_targets"].append(
            {"az": "us-east-1b", "az_id": "use1-az2", "ip": "::1"})
        cls.sim.save()
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()

    def setUp(self):
        self.sim.ctl("dns ok")

    def ask(self, name, kind=A, timeout=WAIT, edns=False):
        query = query_bytes(name, kind, edns=edns)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.sendto(query, (self.sim.ip_a, self.sim.dns_port))
            return parse_reply(sock.recv(4096), query)

    def test_regional_name_gives_the_target_in_the_askers_az(self):
        self.assertEqual(self.ask(f"{FS}.{ZONE}"), (0, [self.sim.ip_a]))

    def test_az_and_az_id_names(self):
        self.assertEqual(self.ask(f"us-east-1b.{FS}.{ZONE}"), (0, [self.sim.ip_b]))
        self.assertEqual(self.ask(f"use1-az2.{FS}.{ZONE}"), (0, [self.sim.ip_b]))
        self.assertEqual(self.ask(f"us-east-1a.{FS}.{ZONE}."), (0, [self.sim.ip_a]))

    def test_case_and_edns_do_not_matter(self):
        self.assertEqual(self.ask(f"{FS}.EFS.us-East-1.amazonaws.com", edns=True),
                         (0, [self.sim.ip_a]))

    def test_ipv6(self):
        self.assertEqual(self.ask(f"us-east-1b.{FS2}.{ZONE}", AAAA), (0, ["::1"]))
        self.assertEqual(self.ask(f"us-east-1b.{FS2}.{ZONE}", A), (0, []))
        self.assertEqual(self.ask(f"{FS}.{ZONE}", AAAA), (0, []))

    def test_unknown_names(self):
        for name in (f"fs-ffffffff.{ZONE}", f"us-east-1c.{FS}.{ZONE}", "example.com",
                     f"{FS}.efs.eu-west-1.amazonaws.com"):
            self.assertEqual(self.ask(name), (3, []), name)

    def test_tcp(self):
        query = query_bytes(f"{FS}.{ZONE}", A)
        with socket.create_connection((self.sim.ip_a, self.sim.dns_port), timeout=WAIT) as sock:
            for _ in range(2):
                sock.sendall(struct.pack(">H", len(query)) + query)
                size = struct.unpack(">H", sock.recv(2, socket.MSG_WAITALL))[0]
                reply = sock.recv(size, socket.MSG_WAITALL)
                self.assertEqual(parse_reply(reply, query), (0, [self.sim.ip_a]))

    def test_servfail(self):
        self.sim.ctl("dns servfail")
        self.assertEqual(self.ask(f"{FS}.{ZONE}"), (2, []))

    def test_down(self):
        self.sim.ctl("dns down")
        with self.assertRaises(socket.timeout):
            self.ask(f"{FS}.{ZONE}", timeout=0.3)

    def test_slow(self):
        self.sim.ctl("dns slow 300")
        start = time.monotonic()
        self.assertEqual(self.ask(f"{FS}.{ZONE}"), (0, [self.sim.ip_a]))
        self.assertGreaterEqual(time.monotonic() - start, 0.3)

    def test_unset_and_set_a_name(self):
        name = f"us-east-1b.{FS}.{ZONE}"
        self.sim.ctl(f"dns unset {name}")
        self.assertEqual(self.ask(name), (3, []))
        self.assertEqual(self.ask(f"{FS}.{ZONE}"), (0, [self.sim.ip_a]))
        self.sim.ctl(f"dns set {name}")
        self.assertEqual(self.ask(name), (0, [self.sim.ip_b]))

    def test_garbage_is_ignored(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for junk in (b"", b"\0", b"\xff" * 12, query_bytes("a.b", A)[:-3], b"\0" * 600):
                sock.sendto(junk, (self.sim.ip_a, self.sim.dns_port))
        self.assertEqual(self.ask(f"{FS}.{ZONE}"), (0, [self.sim.ip_a]))


class Imds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator()
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()

    def setUp(self):
        self.sim.ctl("imds ok")

    def request(self, path, method="GET", timeout=WAIT, **headers):
        """Status and body."""
        return self.exchange(path, method, timeout, **headers)[:2]

    def exchange(self, path, method="GET", timeout=WAIT, **headers):
        """Status, body and headers."""
        request = urllib.request.Request(
            f"http://{self.sim.ip_a}:{self.sim.imds_port}{path}", method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as reply:
                return reply.status, reply.read().decode(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, "", error.headers

    def token(self, seconds="21600"):
        status, token = self.request("/latest/api/token", "PUT",
                                     X_aws_ec2_metadata_token_ttl_seconds=seconds)
        self.assertEqual(status, 200)
        return token

    def get(self, path, token=None):
        return self.request("/latest/" + path, X_aws_ec2_metadata_token=token or self.token())

    def test_a_token_is_demanded(self):
        path = "/latest/meta-data/placement/availability-zone"
        self.assertEqual(self.request(path)[0], 401)
        self.assertEqual(self.request(path, X_aws_ec2_metadata_token="guess")[0], 401)
        self.assertEqual(self.get("meta-data/placement/availability-zone"), (200, "us-east-1a"))

    def test_token_needs_a_ttl_in_range(self):
        self.assertEqual(self.request("/latest/api/token", "PUT")[0], 400)
        for ttl in ("0", "21601", "x"):
            status = self.request("/latest/api/token", "PUT",
                                  X_aws_ec2_metadata_token_ttl_seconds=ttl)[0]
            self.assertEqual(status, 400, ttl)
        self.assertEqual(self.request("/latest/api/token")[0], 405)

    def test_token_reply_tells_its_ttl(self):
        """AWS's SDKs refuse a token without it."""
        name = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
        for ttl in ("1", "300", "21600"):
            status, token, headers = self.exchange("/latest/api/token", "PUT",
                                                   X_aws_ec2_metadata_token_ttl_seconds=ttl)
            self.assertEqual((status, headers.get_all(name)), (200, [ttl]))
            self.assertTrue(token)
        for ttl in ("0", "21601", "-1", "", "1.5", "99999999999999999999"):
            status, _, headers = self.exchange("/latest/api/token", "PUT",
                                               X_aws_ec2_metadata_token_ttl_seconds=ttl)
            self.assertEqual((status, headers.get_all(name)), (400, None), ttl)
        headers = self.exchange("/latest/meta-data/instance-id",
                                X_aws_ec2_metadata_token=self.token())[2]
        self.assertIsNone(headers.get(name))

    def test_token_expires(self):
        token = self.token("1")
        self.assertEqual(self.get("meta-data/instance-id", token)[0], 200)
        wait_for("the token's end", lambda: self.get("meta-data/instance-id", token)[0] != 200, 20)
        self.assertEqual(self.get("meta-data/instance-id", token)[0], 401)

    def test_identity_document_with_and_without_slash(self):
        for path in ("dynamic/instance-identity/document", "dynamic/instance-identity/document/"):
            status, body = self.get(path)
            self.assertEqual(status, 200)
            document = json.loads(body)
            self.assertEqual((document["region"], document["availabilityZone"],
                              document["instanceId"]),
                             ("us-east-1", "us-east-1a", "i-0123456789abcdef0"))

    def test_az_id(self):
        self.assertEqual(self.get("meta-data/placement/availability-zone-id"), (200, "use1-az1"))

    def test_role_and_credentials(self):
        base = "meta-data/iam/security-credentials/"
        self.assertEqual(self.get(base), (200, "efs-client"))
        body = json.loads(self.get(base + "efs-client")[1])
        self.assertEqual((body["Code"], body["AccessKeyId"], body["SecretAccessKey"],
                          body["Token"]),
                         ("Success", ROLE["access_key_id"], ROLE["secret_access_key"],
                          ROLE["session_token"]))
        self.assertGreater(body["Expiration"], body["LastUpdated"])
        self.assertEqual(self.get(base + "other")[0], 404)

    def test_rotation_hands_out_new_credentials(self):
        key = self.sim.ctl("rotate-credentials")
        body = json.loads(self.get("meta-data/iam/security-credentials/efs-client")[1])
        self.assertEqual(body["AccessKeyId"], key)

    def test_unknown_path(self):
        self.assertEqual(self.get("meta-data/nothing")[0], 404)

    def test_no_role(self):
        self.sim.ctl("imds no-role")
        self.assertEqual(self.get("meta-data/iam/security-credentials/")[0], 404)
        self.assertEqual(self.get("meta-data/placement/availability-zone")[0], 200)

    def test_v1_only(self):
        self.sim.ctl("imds v1-only")
        self.assertEqual(self.request("/latest/api/token", "PUT",
                                      X_aws_ec2_metadata_token_ttl_seconds="60")[0], 403)
        self.assertEqual(self.request("/latest/meta-data/placement/availability-zone"),
                         (200, "us-east-1a"))

    def test_down(self):
        self.sim.ctl("imds down")
        with self.assertRaises((ConnectionError, urllib.error.URLError)):
            self.request("/latest/meta-data/instance-id")

    def test_slow(self):
        self.sim.ctl("imds slow 300")
        start = time.monotonic()
        self.token()
        self.assertGreaterEqual(time.monotonic() - start, 0.3)

    def test_keep_alive(self):
        with socket.create_connection((self.sim.ip_a, self.sim.imds_port), timeout=WAIT) as sock:
            for _ in range(2):
                sock.sendall(b"GET /latest/meta-data/x HTTP/1.1\r\nHost: imds\r\n\r\n")
                self.assertIn(b"401", sock.recv(4096).split(b"\r\n")[0])


if __name__ == "__main__":
    unittest.main()
