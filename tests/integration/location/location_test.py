#!/usr/bin/python3
"""Promise: mount.efs finds the mount target in every way of contract section 8, and says how.

mount.efs -f does everything up to the mount itself, against the simulator, in namespaces of its own.
"""
import json
import os
import re
import signal
import subprocess
import unittest

from efs_test import machine
from efs_test.files import read, write
from efs_test.machine import LOG, SILENT
from efs_test.programs import program
from efs_test.simulator import FS, FS2, ROLE, Simulator
from efs_test.waiting import SCALE, WAIT, Stopwatch, wait_for

machine.enter()

FS3 = "fs-0000000000000003c"
REGIONAL = f"{FS}.efs.us-east-1.amazonaws.com"
ARN = "arn:aws:elasticfilesystem:us-east-1:123456789012:"


class Location(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        machine.build()
        cls.sim = Simulator(dns={"listen": "127.0.0.1:53"}, nfs_port=2049)
        cls.ip = cls.sim.ip_a
        config = cls.sim.config
        config["imds"]["listen"] = "169.254.169.254:80"
        config["identities"] = [dict(ROLE, session_token="tok/en+with=chars")]
        config["api"] = {"listen": "127.0.0.1:8080"}
        # One Zone in another zone than this host's, and a target that nobody serves.
        config["file_systems"].append(
            {"id": FS3, "data": f"{cls.sim.dir}/data/fs3",
             "mount_targets": [{"az": "us-east-1b", "az_id": "use1-az2", "ip": cls.sim.ip_c}]})
        cls.sim.save()
        cls.sim.start()

    @classmethod
    def tearDownClass(cls):
        cls.sim.stop()

    def setUp(self):
        machine.write_config()
        self.hidden = []

    def tearDown(self):
        for name in self.hidden:
            self.sim.ctl(f"dns set {name}")
        for service in ("efs", "ec2", "logs"):
            self.sim.ctl(f"api {service} ok")
        self.sim.ctl("dns ok")
        self.sim.ctl("imds ok")

    def hide(self, *names):
        for name in names:
            self.sim.ctl(f"dns unset {name}")
            self.hidden.append(name)

    def hide_all(self, fs=FS):
        plain = f"{fs}.efs.us-east-1.amazonaws.com"
        self.hide(plain, f"us-east-1a.{plain}", f"us-east-1b.{plain}")

    def mount(self, device=f"{FS}:/", options="tls", fake=True, mountpoint="/run/mountpoint", **environment):
        """Runs mount.efs; its exit code and stderr. What it takes from services that it asks in passing, for fractions of a
        second, says nothing where the machine has no time for the answer: then it is run again."""
        for _ in range(10):
            self.mount_once(device, options, fake, environment, mountpoint)
            if self.took > self.by_clock / 2 or not self.in_haste():
                break
        return self

    def in_haste(self):
        """Whether a service was too slow for it."""
        return any(re.search("(own availability zone unknown|CloudWatch Logs): .*(timed out|given up)", line)
                   for line in read(LOG).splitlines())

    def mount_once(self, device, options, fake, environment, mountpoint="/run/mountpoint"):
        if os.path.exists(LOG):
            os.unlink(LOG)
        env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:8080", "PATH": os.environ["PATH"]}
        env.update(environment)
        argv = [program("mount.efs"), device, mountpoint, *(["-f"] if fake else []),
                "-o", f"{options},rw"]
        watch = Stopwatch()
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=2 * WAIT)
        self.took, self.by_clock = watch.own(), watch.passed()
        self.code, self.err = done.returncode, done.stderr

    @property
    def log(self):
        return read(LOG)

    def assertFound(self, *fragments):
        self.assertEqual(self.code, 0, self.err + self.log)
        self.assertEqual(self.err, "")
        for fragment in fragments:
            # mount.efs waits a second for the writer of its log, which is another process.
            wait_for(f"{fragment!r} in the log", lambda fragment=fragment: fragment in self.log)

    def assertRefused(self, *fragments):
        self.assertEqual(self.code, 1, self.err + self.log)
        self.assertEqual(self.err.count("\n"), 1, self.err)
        for fragment in fragments:
            self.assertIn(fragment, self.err)

    def api_requests(self):
        return json.loads(self.sim.ctl("api-requests"))

    def test_own_zone_first(self):
        self.mount().assertFound(f"mount target us-east-1a.{REGIONAL} is {self.ip}", " ms)")

    def test_regional_name_where_the_own_zone_has_none(self):
        self.hide(f"us-east-1a.{REGIONAL}")
        self.mount().assertFound(f"mount target {REGIONAL} is {self.ip}")

    def test_csi19_a_pinned_regional_name_wins_over_the_own_zones(self):
        """CSI-19: as with the CSI driver's node.hostAliases: DNS knows the zonal name, /etc/hosts the regional one."""
        before = read("/etc/hosts")
        self.addCleanup(write, "/etc/hosts", before, 0o644)
        write("/etc/hosts", f"{before}{self.sim.ip_b} {REGIONAL}\n", 0o644)
        self.mount().assertFound(f"mount target {REGIONAL} is {self.sim.ip_b}")
        self.assertNotIn(f"us-east-1a.{REGIONAL}", self.log)
        # Whoever pins the zonal name as well means that.
        write("/etc/hosts", f"{before}{self.sim.ip_b} {REGIONAL} us-east-1a.{REGIONAL}\n", 0o644)
        self.mount().assertFound(f"mount target us-east-1a.{REGIONAL} is {self.sim.ip_b}")

    def test_without_metadata_service_the_regional_name_does(self):
        self.sim.ctl("imds down")
        self.mount(options="tls,region=us-east-1").assertFound(f"mount target {REGIONAL} is")

    def test_dns3_cross_account_takes_the_zone_id(self):
        self.mount(options="tls,crossaccount").assertFound(f"mount target use1-az1.{REGIONAL} is")

    def test_dns3_cross_account_never_asks_the_api(self):
        before = self.api_requests()
        self.hide(f"use1-az1.{REGIONAL}")
        self.mount(options="tls,crossaccount").assertRefused(
            f'Failed to resolve "use1-az1.{REGIONAL}')
        self.assertEqual(self.api_requests(), before)

    def test_dns3_fargate_takes_the_zone_id_of_the_config(self):
        machine.write_config(client_source="ecs.fargate")
        self.mount(options="tls,crossaccount").assertRefused("key az_id of section [mount]")
        machine.write_config(client_source="ecs.fargate", az_id="use1-az2")
        self.mount(options="tls,crossaccount").assertFound(f"mount target use1-az2.{REGIONAL} is")

    def test_dev3_alias(self):
        self.sim.ctl(f"dns alias files.example.com us-east-1b.{REGIONAL}")
        self.mount("files.example.com:/x").assertFound(
            f"files.example.com is us-east-1b.{REGIONAL}",
            f"mount target us-east-1b.{REGIONAL} is {self.sim.ip_b}")
        # DEV-5
        self.mount("files.example.com:/", "tls,az=us-east-1a").assertRefused("us-east-1b")
        self.sim.ctl("dns alias nas.corp.test files.example.com")
        self.mount("nas:/").assertFound(f"nas is us-east-1b.{REGIONAL}")

    def test_dev4_alias_of_something_else(self):
        self.sim.ctl(f"dns host other.example.com {self.ip}")
        self.mount("other.example.com:/").assertRefused(
            "did not resolve to a valid DNS name", "fsid=")
        self.mount("unknown.example.com:/").assertRefused('Failed to resolve "unknown.example.com"')

    def test_own_name_address_and_arn(self):
        self.sim.ctl(f"dns host storage.example.com {self.ip}")
        self.mount("storage.example.com:/", f"tls,fsid={FS}").assertFound(
            f"storage.example.com is {self.ip}")
        self.mount(f"{self.ip}:/", f"tls,fsid={FS}").assertFound(
            "Use the mount target ip address", f"mount target {self.ip} can be reached")
        self.mount(f"{self.ip}:/").assertRefused("fsid=fs-")
        self.mount(f"{ARN}file-system/{FS}:/", AWS_REGION="eu-west-1").assertFound(
            "region us-east-1", f"us-east-1a.{REGIONAL} is")

    def test_dns5_several_addresses_in_order(self):
        self.mount(options=f"tls,mounttargetip=127.99.99.99+{self.ip}").assertFound(
            "mount target 127.99.99.99 cannot be reached", f"mount target {self.ip} can be reached")
        self.mount(options="tls,mounttargetip=127.99.99.99+127.99.99.98").assertRefused(
            "Cannot connect to file system mount target ip address 127.99.99.99", "127.99.99.98",
            "check the address")

    def test_a_dead_address_costs_a_quarter_of_a_second(self):  # RFC 8305
        self.mount(options=f"tls,mounttargetip={SILENT}+{self.ip}").assertFound(
            f"mount target {self.ip} can be reached")
        self.assertLess(self.took, 2 * SCALE)  # one after the other it would be 7 s

    def test_the_metadata_service_is_not_asked_where_the_variable_forbids_it(self):
        forbidden = {"AWS_EC2_METADATA_DISABLED": "true"}
        self.mount(**forbidden).assertRefused(
            "Error retrieving region", "AWS_EC2_METADATA_DISABLED is true")
        self.mount(options="tls,region=us-east-1", **forbidden).assertFound(
            "own availability zone unknown", "AWS_EC2_METADATA_DISABLED is true",
            f"mount target {REGIONAL} is {self.ip}")

    def test_dns6_api_where_names_do_not_resolve(self):
        self.hide_all()
        self.mount().assertFound(
            f'Failed to resolve "us-east-1a.{REGIONAL}"',
            "attempting to lookup mount target ip address using botocore",
            f"Found fall back mount target ip address {self.ip} for file system {FS}")
        self.assertNotIn("WARNING", self.log)
        self.assertIsNone(self.sim.last_refusal())

    def test_dns6_zone_of_the_option(self):
        self.hide_all()
        before = self.api_requests().get("ec2", 0)
        self.mount(options="tls,az=us-east-1b").assertFound(
            f"Found fall back mount target ip address {self.sim.ip_b}")
        self.assertEqual(self.api_requests()["ec2"], before + 1)
        self.sim.ctl("api ec2 status 403")
        self.mount(options="tls,az=us-east-1b").assertFound(
            "AccessDeniedException", f"mount target ip address {self.sim.ip_b}")

    def test_another_zones_target_last_with_a_warning(self):
        self.hide_all(FS3)
        self.mount(f"{FS3}:/").assertFound(
            "WARNING", "us-east-1b (use1-az2)", "slower", "billed as data transfer")

    def test_dns6_can_be_turned_off(self):
        machine.write_config(fall_back_to_mount_target_ip_address_enabled="false")
        self.hide_all()
        before = self.api_requests()
        self.mount().assertRefused('Failed to resolve "', "console/efs/mount-dns-name")
        self.assertEqual(self.api_requests(), before)

    def test_dns7_the_failure_names_both_ways(self):
        self.hide_all()
        self.sim.ctl("api efs status 403")
        self.mount().assertRefused(
            'Failed to resolve "', "asking the EFS API failed", "DescribeMountTargets",
            "AccessDeniedException", "console/efs/mount-dns-name")
        self.sim.ctl("imds no-role")
        self.mount().assertRefused("AWS Access Key ID and Secret Access Key are not found")

    def test_every_fault_of_the_api_is_bounded_and_named(self):
        self.hide_all()
        for fault, words in (("status 404", "404"), ("status 429", "429"), ("status 500", "500"),
                             ("status 503", "503"), ("garbage", "not a JSON object"),
                             ("huge", "longer than 65536 bytes"), ("truncated", "POST|GET"),
                             ("reset", "GET to"), ("redirect", "302"), ("blackhole", "timed out")):
            with self.subTest(fault=fault):
                self.sim.ctl(f"api efs {fault}")
                self.mount().assertRefused("DescribeMountTargets")
                self.assertRegex(self.err, words)
                self.assertLess(self.took, 10 * SCALE)

    def test_slow_api_is_waited_for(self):
        self.hide_all()
        self.sim.ctl("api efs slow 300")
        self.mount().assertFound("Found fall back mount target ip address")

    def test_search_domains_are_harmless(self):
        wild = f"us-east-1a.{REGIONAL}.corp.test"
        self.sim.ctl(f"dns host {wild} 127.66.66.66")
        self.hide(f"us-east-1a.{REGIONAL}")
        self.mount().assertFound(f"mount target {REGIONAL} is {self.ip}")
        self.assertNotIn("127.66.66.66", self.log)

    def test_net1_connects_in_the_namespace_but_resolves_outside(self):
        with subprocess.Popen(["unshare", "--net", "--", "sh", "-c", "echo; exec sleep 60"],
                              stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            netns = f"netns=/proc/{other.pid}/ns/net"
            try:
                self.mount(options=f"tls,{netns}").assertFound(f"us-east-1a.{REGIONAL} is")
                self.mount(options=f"tls,{netns},mounttargetip={self.ip}").assertRefused(
                    "Cannot connect to file system mount target ip address")
                subprocess.run(["nsenter", f"--net=/proc/{other.pid}/ns/net", "ip", "link", "set",
                                "lo", "up"], check=True, timeout=WAIT)
                self.mount(options=f"tls,{netns},mounttargetip={self.ip}").assertRefused("refused")
            finally:
                other.send_signal(signal.SIGKILL)
        self.mount(options=f"tls,{netns}").assertRefused("mount option netns", "No such file")
        self.mount(options="tls,netns=/etc/passwd").assertRefused("is not a network namespace")

    def test_section_20_one_line_in_cloudwatch(self):
        machine.write_config(cloudwatch=True)
        # A mount point that is a file fails before anything else is asked.
        with open("/run/file", "w", encoding="ascii"):
            pass
        self.mount(fake=False, mountpoint="/run/file")
        self.assertEqual(self.code, 32)
        self.assertLess(self.took, 3 * SCALE)
        logs = json.loads(self.sim.ctl("api-logs"))
        self.assertEqual(logs["retention"], {"/aws/efs/utils": 14})
        event = logs["events"][-1]
        self.assertEqual(event["stream"], f"{FS} - i-0123456789abcdef0 - mount.log")
        self.assertTrue(event["message"].startswith("Mount failed, "), event)
        self.assertIn("is not a directory", event["message"])
        # Without an id in sight: the group without it.
        machine.write_config(cloudwatch=True)
        self.mount("no device", fake=False)
        self.assertEqual(json.loads(self.sim.ctl("api-logs"))["events"][-1]["stream"],
                         "i-0123456789abcdef0 - mount.log")

    def test_section_20_never_delays_by_more_than_a_second(self):
        machine.write_config(cloudwatch=True)
        for fault in ("blackhole", "slow 5000", "reset", "status 500", "garbage"):
            with self.subTest(fault=fault):
                self.sim.ctl(f"api logs {fault}")
                self.mount("no device", fake=False)
                self.assertLess(self.took, 2 * SCALE)
                self.assertNotIn("CloudWatch", self.err)

    def test_fs2_has_its_own_target(self):
        self.mount(f"{FS2}:/").assertFound(f"is {self.sim.ip_2}")


if __name__ == "__main__":
    unittest.main()
