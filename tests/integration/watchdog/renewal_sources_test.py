#!/usr/bin/python3
"""Promise: the watchdog renews a certificate from every source of credentials that a renewal can use
(docs/credentials.md), again and again, with keys that have changed meanwhile.

Fifteen mounts, one for each source, before the simulator's endpoints in a network of their own. Time is
accelerated: between two cycles each state file is told that its certificate is two hours old.
"""
import hashlib
import json
import os
import subprocess
import time
import unittest

from efs_test import machine
from efs_test.files import read, write
from efs_test.programs import run
from efs_test.simulator import ROLE, USER, Simulator
from efs_test.waiting import wait_for
from efs_test.watchdog import Mount, WatchdogBench

machine.enter()

CYCLES = 2
ENDPOINT = "http://169.254.170.2"
ARN = "arn:aws:iam::123456789012:role/efs-client"
LOG_IN = {"sso_account_id": "123456789012", "sso_role_name": "efs-client"}
START = "https://corp.example/start"
USER_KEYS = {"aws_access_key_id": USER["access_key_id"], "aws_secret_access_key": USER["secret_access_key"]}


def section(name, keys):
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def sources(home):
    """{method: whose access key signs}: the role's or the user's."""
    return {
        "credentials:stored": USER, "config:configured": USER, "named_profile:process": ROLE,
        "named_profile:role": ROLE, "named_profile:web": ROLE, "named_profile:log-in": ROLE,
        "named_profile:older-log-in": ROLE, "named_profile:by-instance": ROLE,
        "named_profile:by-container": ROLE, "named_profile:role-of-log-in": ROLE, "named_profile:role-of-process": ROLE,
        "ecs:/v2/credentials/efs-client": ROLE,
        f"podidentity:{ENDPOINT}/v1/credentials,{home}/pod-token": ROLE,
        f"webidentity:{ARN},{home}/web-token": ROLE, "metadata:": ROLE}


def stamp(age_seconds):
    return time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - age_seconds))


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class RenewalSources(WatchdogBench):
    def setUp(self):
        super().setUp()
        run("ip", "link", "set", "lo", "up")
        for address in ("169.254.169.254/32", "169.254.170.2/32"):
            run("ip", "addr", "replace", address, "dev", "lo")
        self.home = self.path("home")
        os.makedirs(self.path("home/.aws/sso/cache"))
        self.simulator = Simulator(
            credentials={"listen": "169.254.170.2:80", "pod_token": "pod", "pod_role": "efs-client",
                         "web_identity_token": "head.pay.sign", "sso_token": "log-in",
                         "sso_refresh_token": "again"}, file_systems=[])
        self.simulator.config["imds"]["listen"] = "169.254.169.254:80"
        self.simulator.save()
        self.simulator.start()
        self.write_home()

    def tearDown(self):
        self.simulator.stop()  # before the bench waits for the end of all children
        super().tearDown()

    def write_home(self):
        write(f"{self.home}/pod-token", "pod")
        write(f"{self.home}/web-token", "head.pay.sign")
        write(f"{self.home}/process", f"#!/bin/sh\ncat {self.home}/process.json\n", 0o700)
        write(f"{self.home}/.aws/credentials", section("stored", USER_KEYS) + section("user", USER_KEYS))
        write(f"{self.home}/.aws/config",
              section("configured", USER_KEYS) +
              section("profile process", {"credential_process": f"{self.home}/process"}) +
              section("profile role", {"role_arn": ARN, "source_profile": "user"}) +
              section("profile web", {"role_arn": ARN, "web_identity_token_file": f"{self.home}/web-token"}) +
              section("profile log-in", {"sso_session": "corp", **LOG_IN}) +
              section("sso-session corp", {"sso_region": "us-east-1", "sso_start_url": START}) +
              section("profile older-log-in", {"sso_start_url": START, "sso_region": "us-east-1", **LOG_IN}) +
              section("profile role-of-log-in", {"role_arn": ARN, "source_profile": "log-in"}) +
              section("profile role-of-process", {"role_arn": ARN, "source_profile": "process"}) +
              section("profile by-instance", {"role_arn": ARN, "credential_source": "Ec2InstanceMetadata"}) +
              section("profile by-container", {"role_arn": ARN, "credential_source": "EcsContainer"}))
        self.write_log_in(START, accessToken="log-in", expiresAt=iso(86400))

    def write_log_in(self, name, **token):
        digest = hashlib.sha1(name.encode()).hexdigest()
        write(f"{self.home}/.aws/sso/cache/{digest}.json", json.dumps(token))

    def log_in(self):
        return json.loads(read(f"{self.home}/.aws/sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json"))

    def next_hours(self):
        """What changes in the world between two renewals: the role's keys, and the log-in ends soon."""
        self.simulator.ctl("rotate-credentials")
        wait_for("the role's new keys", self.new_role_key)
        self.write_log_in("corp", accessToken="stale", expiresAt=iso(300), refreshToken="again", clientId="c",
                          clientSecret="s", registrationExpiresAt=iso(86400))

    def new_role_key(self):
        """Asks the agent, whose document is what the credential_process prints, too."""
        reply = subprocess.run(["python3", "-c", "import urllib.request as u; print(u.urlopen("
                                f"'{ENDPOINT}/v2/credentials/efs-client', timeout=20).read().decode())"],
                               capture_output=True, text=True, timeout=60, check=True)
        document = json.loads(reply.stdout)
        if document["AccessKeyId"] == getattr(self, "role_key", None):
            return False
        self.role_key = document["AccessKeyId"]
        write(f"{self.home}/process.json", json.dumps({
            "Version": 1, "AccessKeyId": self.role_key, "SecretAccessKey": document["SecretAccessKey"],
            "SessionToken": document["Token"], "Expiration": document["Expiration"]}))
        return True

    def mount_with(self, number, method):
        mount = Mount(self, f"mnt.{number}")
        key, certificate = self.path(f"key{number}.pem"), os.path.join(mount.secret_dir, "certificate.pem")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
            "-days", "1", "-subj", "/CN=old")
        mount.state.update({
            "certificate": certificate, "privateKey": key, "commonName": "host", "region": "us-east-1",
            "certificateCreationTime": stamp(0), "awsCredentialsMethod": method,
            "awsCredentialsOrigin": {"home": self.home, "environment": {
                "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_STS": ENDPOINT, "AWS_ENDPOINT_URL_SSO": ENDPOINT,
                "AWS_ENDPOINT_URL_SSO_OIDC": ENDPOINT,
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/efs-client"}}})
        mount.publish()
        return mount

    def two_hours_pass(self, mount):
        state = mount.saved()
        state["certificateCreationTime"] = stamp(7200)
        write(mount.state_path + "~", json.dumps(state))
        os.rename(mount.state_path + "~", mount.state_path)

    def signed_with(self, mount, key):
        """Whether the certificate names that access key."""
        done = subprocess.run(["openssl", "x509", "-outform", "DER", "-in", mount.state["certificate"]],
                              capture_output=True, timeout=60)
        return done.returncode == 0 and key.encode() in done.stdout

    def test_each_source_is_asked_again_and_again(self):
        """CERT-7, CRED-10: the remembered source and no other, keys as they are then."""
        wanted = sources(self.home)
        self.assertEqual(len(wanted), 15)
        mounts = {method: self.mount_with(number, method) for number, method in enumerate(wanted)}
        self.set_table(list(mounts.values()))
        self.start_watchdog()
        for cycle in range(1, CYCLES + 1):
            self.next_hours()
            for mount in mounts.values():
                self.two_hours_pass(mount)
            for method, mount in mounts.items():
                with self.subTest(cycle=cycle, method=method):
                    wait_for(f"SIGHUP {cycle} for {method}",
                             lambda: read(mount.note("hups")).count("h") >= cycle)
                    key = self.role_key if wanted[method] is ROLE else USER["access_key_id"]
                    self.assertTrue(self.signed_with(mount, key), key)
                    self.assertLess(stamp(600), mount.saved()["certificateCreationTime"])
            fresh = self.log_in()
            self.assertEqual((fresh["accessToken"], fresh["refreshToken"]), ("log-in", "again"))
            self.assertGreater(fresh["expiresAt"], iso(1800))
        self.wait_log("Renewed the certificate", 15 * CYCLES)
        self.assertEqual(self.log().count("Renewed the certificate"), 15 * CYCLES)


if __name__ == "__main__":
    unittest.main()
