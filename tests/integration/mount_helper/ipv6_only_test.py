#!/usr/bin/python3
"""A host with IPv6 alone: name server, metadata service and mount target have no IPv4 address, and there is none beside
127.0.0.1, where the kernel meets the tunnel. mount.efs goes all its way up to mount(2).

Contract: DNS-5, CRED-7.
"""
import os
import unittest

from efs_test import machine, mount_helper
from efs_test.files import read
from efs_test.machine import LOG
from efs_test.mount_helper import HelperBench
from efs_test.programs import run
from efs_test.simulator import AP, FS, ROLE, Simulator

mount_helper.enter()

IMDS, TARGET, TARGET_B = "fd00:ec2::254", "fd00:9::10", "fd00:9::20"
MODE = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}


class IPv6Only(HelperBench):
    @classmethod
    def setUpClass(cls):
        cls.fs = FS
        machine.build()
        # Nothing of IPv4 but 127.0.0.1 stays.
        run("ip", "-4", "addr", "flush", "dev", "eth0")
        run("ip", "addr", "del", "169.254.169.254/32", "dev", "lo")
        for address in (IMDS, TARGET, TARGET_B):
            run("ip", "-6", "addr", "add", f"{address}/128", "dev", "lo", "nodad")
        run("ip", "-6", "addr", "add", "fd00:9::1/64", "dev", "eth0", "nodad")
        with open("/etc/resolv.conf", "w", encoding="ascii") as out:
            out.write("nameserver ::1\n")
        with open("/run/filesystems", "w", encoding="ascii") as out:
            out.write(read("/proc/filesystems") + "nodev\tnfs4\n")
        run("mount", "--bind", "/run/filesystems", "/proc/filesystems")
        cls.sim = Simulator(dns={"listen": "[::1]:53"}, nfs_port=2049)
        config = cls.sim.config
        config["imds"]["listen"] = f"[{IMDS}]:80"
        config["identities"] = [dict(ROLE, session_token="token")]
        target = config["file_systems"][0]["mount_targets"]
        target[0]["ip"], target[1]["ip"] = TARGET, TARGET_B
        config["file_systems"] = config["file_systems"][:1]
        cls.sim.save()
        cls.sim.start()
        cls.programs = "/run/programs"
        os.makedirs(cls.programs)
        os.makedirs(os.path.dirname(LOG))

    def setUp(self):
        super().setUp()
        self.environment = dict(MODE)

    def tearDown(self):
        self.sim.ctl(f"target {self.fs} us-east-1a ok")
        for command in ("dns ok", "imds ok", "clock 0", "tls handshake-stall off"):
            self.sim.ctl(command)

    def test_there_is_no_ipv4_but_that_of_this_host(self):
        addresses = [line.split()[3] for line in run("ip", "-o", "-4", "addr").stdout.splitlines()]
        self.assertEqual(addresses, ["127.0.0.1/8"])

    def test_a_mount_goes_all_its_way(self):
        for options in ("tls", f"tls,iam,accesspoint={AP}", ""):
            with self.subTest(options=options):
                self.mount(options)
                self.assertReachedMount()
                self.logged(f"is {TARGET} ")

    def test_without_the_variable_the_region_of_the_line_will_do_where_no_role_is_needed(self):
        """IPv4's address alone is asked, as by botocore: only on EC2 is it known whose IPv6's address is."""
        self.environment = {}
        self.mount()
        self.assertEqual(self.code, 1, self.err)
        for word in ("169.254.169.254", "give the mount option region"):
            self.assertIn(word, self.err)
        self.mount("tls,region=us-east-1")
        self.assertReachedMount()

    def test_another_zones_target_and_a_server_that_refuses_are_named_by_their_addresses(self):
        self.sim.ctl(f"target {self.fs} us-east-1a refuse")
        self.mount()
        self.assertEqual(self.code, 32, self.err)
        self.assertIn(TARGET, self.err)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main()
