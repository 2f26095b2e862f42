"""Promise: the simulator's endpoints stand where AWS's stand (own names over https, the metadata service
over IPv6 and behind a hop limit, another clock), and our chain of credentials finds them there.

In network and mount namespaces of its own.
"""
import hashlib
import json
import os
import subprocess
import time
import unittest

from efs_test import machine
from efs_test.files import write
from efs_test.programs import program, run
from efs_test.simulator import ROLE, USER, Simulator

machine.enter()

ARN = "arn:aws:iam::123456789012:role/efs-client"
KEYS = f"aws_access_key_id = {USER['access_key_id']}\naws_secret_access_key = {USER['secret_access_key']}\n"
CONFIG = f"""[profile role]
role_arn = {ARN}
source_profile = user
[profile user]
{KEYS}[profile log-in]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = efs-client
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
"""


def date(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def setUpModule():
    machine.build()
    run("ip", "addr", "add", "169.254.170.2/32", "dev", "lo")
    run("ip", "addr", "add", "fd00:ec2::254/128", "dev", "lo", "nodad")


class Places(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator(
            credentials={"listen": "169.254.170.2:80", "pod_token": "pod", "pod_role": "efs-client",
                         "web_identity_token": "head.pay.sign", "sso_token": "log-in", "sso_refresh_token": "again"},
            names={"listen": "127.0.0.9:443"}, api={"listen": "127.0.0.8:80"}, file_systems=[],
            dns={"listen": "127.0.0.1:53"})
        cls.sim.config["identities"] = [dict(ROLE, session_token="token"), USER]
        cls.sim.config["imds"].update(listen="169.254.169.254:80", listen_v6="[fd00:ec2::254]:80")
        cls.sim.save()
        cls.sim.start()
        cls.addClassCleanup(cls.sim.stop)
        cls.home = os.path.join(cls.sim.dir, "home")
        os.makedirs(f"{cls.home}/.aws/sso/cache")
        write(f"{cls.home}/.aws/config", CONFIG)

    def setUp(self):
        self.sim.ctl("imds ok")
        self.sim.ctl("clock 0")
        self.environment = {"PATH": os.environ["PATH"], "AWS_CA_BUNDLE": f"{self.sim.work}/ca.pem"}

    def find(self, prefix=(), **options):
        """(what was found or None, standard error)"""
        given = {"home": self.home, "region": "us-east-1", **options}
        done = subprocess.run([*prefix, program("find-credentials")], input=json.dumps(given), text=True,
                              env=self.environment, capture_output=True, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else None, done.stderr

    def assertFinds(self, key, **options):
        found, text = self.find(**options)
        self.assertIsNotNone(found, text)
        self.assertEqual(found["access_key_id"], key)
        return found


class OwnPlaces(Places):
    def write_log_in(self, **token):
        write(f"{self.home}/.aws/sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json", json.dumps(token))

    def test_sts_is_found_by_its_own_name(self):
        self.assertFinds(ROLE["access_key_id"], profile="role")
        self.environment["AWS_USE_FIPS_ENDPOINT"] = "true"
        self.assertFinds(ROLE["access_key_id"], profile="role")

    def test_a_web_identity_is_exchanged_at_the_own_name(self):
        write(f"{self.home}/jwt", "head.pay.sign")
        self.assertFinds(ROLE["access_key_id"], role_arn=ARN, jwt_path=f"{self.home}/jwt")

    def test_identity_center_is_found_by_its_own_names(self):
        self.write_log_in(accessToken="log-in", expiresAt=date(7200))
        self.assertFinds(ROLE["access_key_id"], profile="log-in")
        self.write_log_in(accessToken="stale", expiresAt=date(60), refreshToken="again", clientId="c",
                          clientSecret="s", registrationExpiresAt=date(7200))
        self.assertFinds(ROLE["access_key_id"], profile="log-in")

    def test_a_name_that_nobody_serves_is_refused(self):
        del self.environment["AWS_CA_BUNDLE"]  # a stranger's authority
        found, text = self.find(profile="role")
        self.assertIsNone(found)
        self.assertIn("certificate", text)

    def test_another_clock_is_noticed_at_the_own_name(self):
        self.sim.ctl("clock 3600")
        found = self.assertFinds(ROLE["access_key_id"], profile="role")
        self.assertAlmostEqual(found["clock_skew"], 3600, delta=60)

    def test_the_metadata_service_answers_over_ipv6(self):
        self.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv6"
        self.assertFinds(ROLE["access_key_id"])
        run("ip", "addr", "del", "169.254.169.254/32", "dev", "lo")
        self.addCleanup(run, "ip", "addr", "add", "169.254.169.254/32", "dev", "lo")
        self.assertFinds(ROLE["access_key_id"])


class HopLimit(Places):
    """A container whose packets are routed once more than those of its host."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("router", "box"):
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "host0", "type", "veth", "peer", "name", "up0", "netns", "router")
        run("ip", "-n", "router", "link", "add", "down0", "type", "veth", "peer", "name", "box0", "netns", "box")
        for space, device, address in (("", "host0", "10.9.0.1/24"), ("router", "up0", "10.9.0.2/24"),
                                       ("router", "down0", "10.9.1.1/24"), ("box", "box0", "10.9.1.2/24")):
            where = ("-n", space) if space else ()
            run("ip", *where, "addr", "add", address, "dev", device)
            run("ip", *where, "link", "set", device, "up")
        run("ip", "route", "add", "10.9.1.0/24", "via", "10.9.0.2")
        run("ip", "-n", "box", "route", "add", "default", "via", "10.9.1.1")
        run("ip", "-n", "router", "route", "add", "default", "via", "10.9.0.1")
        run("ip", "netns", "exec", "router", "sysctl", "-qw", "net.ipv4.ip_forward=1")

    @classmethod
    def tearDownClass(cls):
        for name in ("box", "router"):
            run("ip", "netns", "del", name)
        super().tearDownClass()

    def test_a_token_does_not_reach_a_container_behind_a_hop_limit_of_one(self):
        inside = ("ip", "netns", "exec", "box")
        self.sim.ctl("imds hop-limit 1")
        found, text = self.find(prefix=inside)
        self.assertIsNone(found)
        self.assertIn("HttpPutResponseHopLimit", text)
        self.assertFinds(ROLE["access_key_id"])  # on the host itself
        self.environment["AWS_EC2_METADATA_V1_DISABLED"] = "true"
        self.assertIn("version 1 is forbidden", self.find(prefix=inside)[1])
        self.sim.ctl("imds hop-limit 2")
        self.assertFinds(ROLE["access_key_id"], prefix=inside)


if __name__ == "__main__":
    unittest.main()
