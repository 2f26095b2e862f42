#!/usr/bin/python3
"""Promise: our signatures and certificates are those that botocore and openssl compute as well.

Random inputs (the seed is printed; EFS_SEED repeats a run). Three comparisons:
* the cases of AWS's public test suite as they stand in tests/data/sigv4_suite.json (the product's
  own signatures of them are a unit test): botocore gives the same signatures;
* ordinary requests: the Authorization header of sign-request against botocore's SigV4Auth;
* client certificates (CERT-1 to CERT-6): the expected values are computed here from the contract's
  words, botocore's string_to_sign() and signature(), and a key made by openssl, and given to
  certificate-vectors, which compares them with the X.509 that the product makes.
"""
import datetime
import hashlib
import json
import os
import random
import string
import subprocess
import tempfile
import unittest
from unittest import mock
from urllib.parse import quote_plus

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from efs_test.programs import SOURCE, program

SEED = int(os.environ.get("EFS_SEED", random.randrange(2**32)))
KEY_CHARACTERS = string.ascii_letters + string.digits + "/+"
TOKEN_CHARACTERS = string.ascii_letters + string.digits + "/+=-_.~%&?:;,!*'()@$"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def text(rng, characters, low, high):
    return "".join(rng.choice(characters) for _ in range(rng.randint(low, high)))


def random_identity(rng):
    time = datetime.datetime(2025, 1, 1) + datetime.timedelta(seconds=rng.randrange(20 * 365 * 86400))
    return {
        "time": time,
        "access_key_id": "AKIA" + text(rng, string.ascii_uppercase + string.digits, 1, 16),
        "secret_access_key": text(rng, KEY_CHARACTERS, 1, 60),
        "session_token": text(rng, TOKEN_CHARACTERS, 1, 900) if rng.random() < 0.6 else None,
        "region": rng.choice(["us-east-1", "eu-west-3", "cn-north-1", "us-gov-west-1"]),
    }


def authority(identity, service):
    credentials = Credentials(identity["access_key_id"], identity["secret_access_key"],
                              identity["session_token"])
    return botocore.auth.SigV4Auth(credentials, service, identity["region"])


def at_time(time):
    """botocore takes the time from the clock: give it ours, in whichever way it asks."""
    if hasattr(botocore.auth, "get_current_datetime"):
        return mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: time)
    clock = mock.Mock(wraps=datetime.datetime)
    clock.utcnow.return_value = time
    clock.now.return_value = time
    return mock.patch.object(botocore.auth.datetime, "datetime", clock) \
        if hasattr(botocore.auth.datetime, "datetime") \
        else mock.patch.object(botocore.auth, "datetime", clock)


def der(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def utf8(value):
    return der(0x0C, value.encode())


class OrdinaryRequests(unittest.TestCase):
    def ours(self, request, identity, service):
        given = dict(request, service=service, **identity)
        given["time"] = int(identity["time"].replace(tzinfo=datetime.timezone.utc).timestamp())
        result = subprocess.run([program("sign-request")], input=json.dumps(given),
                                capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.rstrip("\n")

    def theirs(self, request, identity, service):
        aws_request = AWSRequest(method=request["method"], url=request["url"],
                                 data=request["body"].encode(), headers=dict(request["headers"]))
        with at_time(identity["time"]):
            authority(identity, service).add_auth(aws_request)
        return aws_request.headers["Authorization"]

    def random_request(self, rng):
        segment = lambda: quote_plus(text(rng, TOKEN_CHARACTERS, 1, 12)).replace("+", "%20")
        host = rng.choice(["elasticfilesystem.eu-west-1.amazonaws.com", "host:8443", "host"])
        path = "/" + "/".join("p" + segment() for _ in range(rng.randint(0, 3)))
        query = "&".join(segment() + rng.choice(["=", "=" + segment()])
                         for _ in range(rng.randint(0, 4)))
        headers = [["X-Test-" + str(i), text(rng, string.ascii_letters + "  ", 1, 20).strip() or "x"]
                   for i in range(rng.randint(0, 3))]
        method = rng.choice(["GET", "POST", "PUT"])
        return {"method": method, "url": "https://" + host + path + ("?" + query if query else ""),
                "headers": headers, "body": "" if method == "GET" else text(rng, "{}\" é\n", 0, 50)}

    def test_same_authorization_for_random_requests(self):
        rng = random.Random(SEED)
        for number in range(60):
            request, identity = self.random_request(rng), random_identity(rng)
            service = rng.choice(["elasticfilesystem", "sts", "logs"])
            with self.subTest(seed=SEED, number=number, request=request):
                self.assertEqual(self.ours(request, identity, service),
                                 self.theirs(request, identity, service))


class PublicSuite(unittest.TestCase):
    def test_botocore_gives_the_signatures_of_the_file(self):
        path = os.path.join(SOURCE, "tests/data/sigv4_suite.json")
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        self.assertGreaterEqual(len(cases), 24)
        identity = {"access_key_id": "AKIDEXAMPLE", "session_token": None, "region": "us-east-1",
                    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
        for case in cases:
            with self.subTest(case=case["name"]):
                request = AWSRequest(method=case["method"], data=case["body"].encode(),
                                     url="https://example.amazonaws.com" + case["target"])
                for name, value in case["headers"]:
                    request.headers.add_header(name, value)
                with at_time(datetime.datetime(2015, 8, 30, 12, 36)):
                    authority(identity, "service").add_auth(request)
                self.assertEqual(request.headers["Authorization"].split("Signature=")[1],
                                 case["signature"])


class ClientCertificates(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.key = subprocess.run(["openssl", "genrsa", "3072"], capture_output=True, text=True,
                                  check=True, timeout=120).stdout
        # openssl's "rsa -RSAPublicKey_out" writes the PKCS#1 form: what the BIT STRING holds.
        public = subprocess.run(["openssl", "rsa", "-RSAPublicKey_out", "-outform", "DER"],
                                input=self.key.encode(), capture_output=True, check=True, timeout=30)
        self.key_hash = hashlib.sha1(public.stdout).hexdigest()

    def signature_fields(self, identity, fs_id):
        time, token = identity["time"], identity["session_token"]
        scope = f"{time:%Y%m%d}/{identity['region']}/elasticfilesystem/aws4_request"
        query = {"Action": "Connect", "PublicKeyHash": self.key_hash,
                 "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                 "X-Amz-Credential": quote_plus(identity["access_key_id"] + "/" + scope),
                 "X-Amz-Date": f"{time:%Y%m%dT%H%M%SZ}", "X-Amz-Expires": "86400",
                 "X-Amz-SignedHeaders": "host"}
        if token:
            query["X-Amz-Security-Token"] = quote_plus(token)
        lines = ["GET", "/", "&".join(f"{k}={v}" for k, v in sorted(query.items())),
                 "host:" + fs_id, "host", EMPTY_HASH]
        canonical = "\n".join(lines)
        request = AWSRequest(method="GET", url="https://unused/")
        request.context["timestamp"] = query["X-Amz-Date"]
        signer = authority(identity, "elasticfilesystem")
        to_sign = signer.string_to_sign(request, canonical)
        return {"public_key_sha1": self.key_hash, "canonical_request": canonical,
                "string_to_sign": to_sign, "signature": signer.signature(to_sign, request)}

    def case(self, rng, number):
        identity = random_identity(rng)
        time = identity["time"]
        iam = rng.random() < 0.8
        point = "fsap-" + text(rng, "0123456789abcdef", 1, 17) if rng.random() < 0.5 else None
        case = {"name": f"random-{number}", "utc": f"{time:%Y-%m-%dT%H:%M:%SZ}",
                "region": identity["region"], "access_point_id": point,
                "file_system_id": "fs-" + text(rng, "0123456789abcdef", 1, 17),
                "client_source": text(rng, string.ascii_lowercase + "._-", 1, 100),
                "client_version": text(rng, string.digits + ".", 1, 20),
                "common_name": text(rng, string.ascii_lowercase + "-.", 1, 64)}
        for field in ("access_key_id", "secret_access_key", "session_token"):
            case[field] = identity[field] if iam else None
        extensions = {"X509v3 Subject Key Identifier": der(4, bytes.fromhex(self.key_hash))}
        if point:
            extensions["1.3.6.1.4.1.4843.7.1"] = utf8(point)
        if iam:
            case.update(self.signature_fields(identity, case["file_system_id"]))
            auth = utf8(case["access_key_id"]) + der(4, case["signature"].encode())
            auth += der(0x17, f"{time:%y%m%d%H%M%SZ}".encode())
            if identity["session_token"]:
                auth += der(0xA0, utf8(identity["session_token"]))
            extensions["1.3.6.1.4.1.4843.7.2"] = der(0x30, auth)
        extensions["1.3.6.1.4.1.4843.7.3"] = utf8(case["file_system_id"])
        extensions["1.3.6.1.4.1.4843.7.4"] = der(
            0x30, utf8(case["client_source"]) + utf8(case["client_version"]))
        case["extension_value_hex"] = {oid: value.hex() for oid, value in extensions.items()}
        begin, end = time - datetime.timedelta(minutes=15), time + datetime.timedelta(hours=3)
        case["x509"] = [f"notBefore={begin:%b %e %H:%M:%S %Y} GMT",
                        f"notAfter={end:%b %e %H:%M:%S %Y} GMT",
                        f"subject=CN = {case['common_name']}", f"issuer=CN = {case['common_name']}",
                        "serial=00"]
        return case

    def test_same_values_for_random_certificates(self):
        rng = random.Random(SEED)
        path = os.path.join(self.directory.name, "vectors.json")
        cases = [self.case(rng, number) for number in range(60)]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"private_key_pem": self.key, "cases": cases}, file)
        result = subprocess.run([program("certificate-vectors"), path],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, f"seed {SEED}\n" + result.stdout + result.stderr)
        self.assertEqual(result.stdout.count("ok random-"), 60)


if __name__ == "__main__":
    print("seed", SEED, flush=True)
    unittest.main()
