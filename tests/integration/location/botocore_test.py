#!/usr/bin/python3
"""Promise: botocore agrees with our endpoints and with the signature of every API request we send.

The requests are those of mount.efs itself: a server here stands for AWS, verifies each one with
botocore's signer, and answers.
"""
import datetime
import http.server
import json
import socket
import subprocess
import threading
import unittest
from unittest import mock



import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from efs_test import machine
from efs_test.programs import program
from efs_test.waiting import wait_for

machine.enter()

KEY, SECRET, TOKEN = "ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "tok/en+with=chars"
IDENTITY = {"region": "eu-west-3", "availabilityZone": "eu-west-3a", "instanceId": "i-0"}
ZONES = ("<R><availabilityZoneInfo><item><zoneName>eu-west-3b</zoneName><zoneId>euw3-az2</zoneId>"
         "</item></availabilityZoneInfo></R>")


def target(number):
    return {"MountTargetId": f"fsmt-{number}", "LifeCycleState": "available",
            "IpAddress": f"127.0.3.{number}", "AvailabilityZoneId": f"euw3-az{number}"}


class Aws(http.server.BaseHTTPRequestHandler):
    """The metadata service and the APIs, on one port."""
    seen = []

    def log_message(self, *_):
        pass

    def reply(self, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.reply("TOKEN")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.verify(body)
        if body.startswith(b"Action="):
            return self.reply(ZONES)
        target_header = self.headers["X-Amz-Target"]
        if target_header.endswith("PutLogEvents") and not self.seen_action("CreateLogStream"):
            return self.reply(json.dumps({"__type": "ResourceNotFoundException"}), 400)
        return self.reply("{}")

    def seen_action(self, name):
        return any(name in entry[1] for entry in Aws.seen)

    def do_GET(self):
        if self.path.startswith("/latest/"):
            return self.metadata()
        self.verify(b"")
        page = {"MountTargets": [target(1)], "NextMarker": "a/b+c=&d é"}
        if "Marker=" in self.path:
            page = {"MountTargets": [target(2)]}
        return self.reply(json.dumps(page))

    def metadata(self):
        path = self.path.removeprefix("/latest/")
        if path.startswith("dynamic"):
            return self.reply(json.dumps(IDENTITY))
        if path.endswith("availability-zone-id"):
            return self.reply("euw3-az2")
        if path.endswith("security-credentials/"):
            return self.reply("role")
        return self.reply(json.dumps({"Code": "Success", "AccessKeyId": KEY, "Token": TOKEN,
                                      "SecretAccessKey": SECRET}))

    def verify(self, body):
        given = self.headers["Authorization"]
        scope = given.split("Credential=")[1].split(",")[0].split("/")
        signed = given.split("SignedHeaders=")[1].split(",")[0].split(";")
        keep = {name: self.headers[name] for name in signed
                if name not in ("host", "x-amz-date", "x-amz-security-token")}
        request = AWSRequest(method=self.command, url=f"http://{self.headers['Host']}{self.path}",
                             data=body, headers=keep)
        time = datetime.datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        clock = mock.Mock(wraps=datetime.datetime)
        clock.utcnow.return_value = time
        signer = botocore.auth.SigV4Auth(Credentials(KEY, SECRET, TOKEN), scope[3], scope[2])
        with mock.patch.object(botocore.auth.datetime, "datetime", clock):
            signer.add_auth(request)
        what = self.path if self.command == "GET" else \
            (self.headers["X-Amz-Target"] or body.decode())
        Aws.seen.append((scope[3], what, given, request.headers["Authorization"]))


def answer_no_such_name(udp):
    """A DNS server that knows nothing, until its socket is shut down."""
    while True:
        query, peer = udp.recvfrom(4096)
        if not query:
            return
        udp.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], peer)


class SignedRequests(unittest.TestCase):
    @staticmethod
    def report_to_logs(last):
        """Whether it came as far as to this call."""
        subprocess.run([program("mount.efs"), "not a device", "/run/mountpoint", "-o", "tls"], capture_output=True, text=True,
                       timeout=60, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:8080",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:8080/"})
        return any(what.endswith(f".{last}") for _, what, _, _ in Aws.seen)

    def test_every_api_request_is_signed_as_botocore_signs_it(self):
        machine.build()
        machine.write_config(cloudwatch=True)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 53))
        dns = threading.Thread(target=answer_no_such_name, args=(udp,))
        dns.start()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Aws)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            for option in ("az=eu-west-3b", "noresvport"):
                # No name, and nothing behind the addresses: it fails after all calls were made.
                done = subprocess.run(
                    [program("mount.efs"), "fs-0123abcd:/", "/run/mountpoint", "-o", f"tls,{option}",
                     "-f"], capture_output=True, text=True, timeout=60,
                    env={"AWS_ENDPOINT_URL": "http://127.0.0.1:8080",
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:8080/"})
                self.assertEqual(done.returncode, 1, done.stderr)
            # The retention as configured, and none. The logs have a second: on a busy machine once more.
            for days, last in (("14", "PutRetentionPolicy"), (None, "DeleteRetentionPolicy")):
                machine.write_config(cloudwatch=True, retention=days)
                wait_for(last, lambda last=last: self.report_to_logs(last))
        finally:
            server.shutdown()
            thread.join()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"", ("127.0.0.1", 53))
            dns.join()
            udp.close()
            server.server_close()
        kinds = {(service, what.split("&")[0].split("?")[0]) for service, what, _, _ in Aws.seen}
        self.assertEqual(kinds, {
            ("elasticfilesystem", "/2015-02-01/mount-targets"),
            ("ec2", "Action=DescribeAvailabilityZones"),
            ("logs", "Logs_20140328.PutLogEvents"), ("logs", "Logs_20140328.CreateLogGroup"),
            ("logs", "Logs_20140328.CreateLogStream"),
            ("logs", "Logs_20140328.PutRetentionPolicy"),
            ("logs", "Logs_20140328.DeleteRetentionPolicy")})
        self.assertTrue(any("Marker=" in what for _, what, _, _ in Aws.seen))
        for service, what, ours, theirs in Aws.seen:
            with self.subTest(service=service, what=what):
                self.assertEqual(ours, theirs)


class Endpoints(unittest.TestCase):
    def test_endpoints_are_those_of_botocore(self):
        resolver = botocore.session.get_session().get_component("endpoint_resolver")
        compared = 0
        for partition in resolver.get_available_partitions():
            for region in resolver.get_available_endpoints("ec2", partition):
                for name, service in (("efs", "elasticfilesystem"), ("ec2", "ec2"),
                                      ("logs", "logs"), ("sts", "sts"), ("sso", "portal.sso")):
                    for fips, dual in ((0, 0), (1, 0), (0, 1), (1, 1)):
                        # Older partitions' dual-stack names came after this botocore.
                        if dual and partition.startswith("aws-iso"):
                            continue
                        # Its GovCloud lists have no dual-stack FIPS variant of their own.
                        if fips and dual and partition == "aws-us-gov":
                            continue
                        # EFS's dual-stack names changed after this list; its rules say so
                        # (efs.<region>.api.aws), as they do for Identity Center in GovCloud.
                        if name == "efs" and dual or name == "sso" and partition == "aws-us-gov":
                            continue
                        theirs = resolver.construct_endpoint(
                            service, region, use_fips_endpoint=bool(fips),
                            use_dualstack_endpoint=bool(dual), partition_name=partition)
                        ours = subprocess.run(
                            [program("aws-endpoint"), name, region, str(fips), str(dual)],
                            capture_output=True, text=True, timeout=10).stdout.strip()
                        with self.subTest(region=region, service=name, fips=fips, dual=dual):
                            self.assertEqual(ours, "https://" + theirs["hostname"])
                        compared += 1
        self.assertGreater(compared, 300)


if __name__ == "__main__":
    unittest.main()
