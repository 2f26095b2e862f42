#!/usr/bin/python3
"""Promise: mount.s3files mounts Amazon S3 Files as section 21 of the contract says: its own configuration, names
by zone id, forced tls and iam, a signature for its service, no way past DNS but an address."""
import json
import os
import shutil

import unittest

from efs_test import machine, mount_helper
from efs_test.files import read
from efs_test.machine import CONFIG
from efs_test.mount_helper import HelperBench, MOUNTPOINT, STATE
from efs_test.programs import SOURCE, program, run
from efs_test.simulator import AP
from efs_test.waiting import wait_for

mount_helper.enter()

S3CONFIG = os.path.join(os.path.dirname(CONFIG), "s3files-utils.conf")
NAME = "use1-az1.{}.s3files.us-east-1.on.aws"


class S3Files(HelperBench):
    helper = program("mount.s3files")

    @classmethod
    def change(cls, config):
        config["file_systems"][0]["kind"] = "s3files"
        del config["file_systems"][0]["policy"]

    def setUp(self):
        super().setUp()
        # A mount that read the wrong file would not get far.
        machine.write_config(region="nowhere-1")
        shutil.copy(SOURCE / "config/s3files-utils.conf", S3CONFIG)
        self.configure(("[cloudwatch-log]\nenabled = true", "[cloudwatch-log]\nenabled = false"))
        self.name = NAME.format(self.fs)

    @staticmethod
    def configure(*changes):
        text = read(S3CONFIG)
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        with open(S3CONFIG, "w", encoding="ascii") as out:
            out.write(text)

    def with_files(self, options="rw", **more):
        """Runs up to mount(2); the state and the tunnel's configuration as they were then."""
        helper = self.start(options, **more)
        state = wait_for("the state file", self.pending_state, 30)
        config = read(f"{STATE}/stunnel-config.{state['mountStateDir'][:-1]}")
        self.finish(helper)
        return state, config

    def pending_state(self):
        for name in self.state_files():
            if name.startswith("~"):
                try:
                    return json.loads(read(f"{STATE}/{name}"))
                except (OSError, ValueError):
                    return None
        return None

    # Section 21, CERT-4: the simulator refuses a certificate that is signed for another service.
    def test_reaches_the_server_with_no_option_at_all(self):
        self.mount("rw")
        self.assertReachedMount()
        log = self.logged(self.name, "nfsvers=4.2", "no NFSv4 client")
        self.assertEqual(log.count("as with nodirects3read"), 1)

    # Section 21, section 14
    def test_state_and_tunnel_configuration_tell_the_kind(self):
        state, config = self.with_files(f"accesspoint={AP}")
        self.assertEqual(state["service_type"], "s3files")
        self.assertEqual(state["awsCredentialsMethod"], "metadata:")
        self.assertIn("--tls", state["cmd"])
        self.assertIn("--no-direct-s3-read", state["cmd"])
        self.assertIn(f"connect = {self.name}:2049", config)
        self.assertIn(f"checkHost = {self.fs}.s3files.us-east-1.on.aws", config)
        log = f"/var/log/amazon/efs/{state['mountStateDir'][:-1]}.efs-proxy.log"
        self.assertIn(f"output = {log}\n", config)
        self.assertIn("proxy_logging_level = INFO", config)
        self.assertReachedMount()
        wait_for("the tunnel's first line", lambda: "Starting new incarnation" in read(log))

    def test_the_zone_id_of_the_option_comes_first(self):
        self.mount("azid=use1-az2")
        self.assertReachedMount()
        self.logged(f"use1-az2.{self.fs}.s3files.us-east-1.on.aws is {self.sim.ip_b}")

    def test_a_dns_name_tells_the_zone(self):
        self.mount("rw", device=f"use1-az2.{self.fs}.s3files.us-east-1.on.aws:/")
        self.assertReachedMount()
        self.mount("azid=use1-az1", device=f"use1-az2.{self.fs}.s3files.us-east-1.on.aws:/")
        self.assertFailed(1, "mount option azid says use1-az1")

    def test_without_the_metadata_service_the_zone_must_be_named(self):
        self.sim.ctl("imds down")
        self.mount("region=us-east-1")
        self.assertFailed(1, "Cannot retrieve AZ-ID", "azid=<id>")

    # No API of EFS is asked: there is none in this world, and its absence would be told.
    def test_a_name_without_an_address_is_the_end(self):
        self.sim.ctl(f"dns unset {self.name}")
        try:
            self.mount("rw")
        finally:
            self.sim.ctl(f"dns set {self.name}")
        self.assertFailed(1, f'Failed to resolve "{self.name}"', "in use1-az1")
        self.assertNotIn("API", self.err)

    def test_an_address_does_instead_of_dns(self):
        self.sim.ctl("dns down")
        self.mount(f"mounttargetip={self.sim.ip_b}")
        self.assertReachedMount()

    def test_refusals(self):
        for options, words in (("az=us-east-1a,stunnel", ('"stunnel", "az"', "azid=")), ("crossaccount", ('"crossaccount"',)),
                               ("notls", ('"notls"',)), ("nfsvers=4.0", ("NFSv4.0 is not supported",)),
                               ("tls=false", ("would turn tls on",))):
            self.mount(options)
            self.assertFailed(1, *words)

    def test_the_other_type_is_named(self):
        self.mount("rw", device=f"{self.fs}.efs.us-east-1.amazonaws.com:/")
        self.assertFailed(1, "mount it with -t efs")

    def test_messages_bear_the_name_of_the_program(self):
        self.mount("capath=/x")
        self.assertFailed(1, "mount.s3files: ")
        helps = run(program("mount.s3files"), "--help").stdout
        self.assertIn("mount -t s3files", helps)
        self.assertIn("umount.s3files", run(program("umount.s3files"), "--help").stdout)

    def test_who_may_not_is_told_the_action(self):
        self.sim.ctl(f"deny {self.fs} on")
        try:
            self.mount("rw")
        finally:
            self.sim.ctl(f"deny {self.fs} off")
        self.assertFailed(32, "access denied by server", "s3files:ClientMount")

    def test_a_missing_configuration_is_named_with_what_is_shipped(self):
        os.unlink(S3CONFIG)
        self.mount("region=us-east-1,tlsport=20300")
        self.assertFailed(1, "dns_name_format is missing", "{az_id}.{fs_id}.s3files.{region}.{dns_name_suffix}")

    def test_efsctl_explains_it(self):
        done = run(program("efsctl"), "explain", "--json", "-t", "s3files", "-o", "ro", f"{self.fs}:/", MOUNTPOINT,
                   env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        rows = {row["name"]: (row["value"], row["from"]) for section in json.loads(done.stdout)["sections"]
                for row in section["rows"]}
        self.assertEqual(rows["type"][0], "s3files")
        self.assertEqual(rows["mount target"][0], self.name)
        self.assertEqual(rows["encrypted"][0], "yes")
        self.assertEqual(rows["nfsvers"], ("4.2", "built in"))

    def test_efsctl_doctor_walks_to_the_server(self):
        done = run(program("efsctl"), "doctor", "--json", "-t", "s3files", "-o", "ro", f"{self.fs}:/", check=False,
                   env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        steps = {step["step"]: step for step in json.loads(done.stdout)["findings"]}
        self.assertEqual(steps["NFS"]["verdict"], "pass", done.stdout)
        self.assertEqual(steps["mount targets"]["verdict"], "skip", done.stdout)
        self.assertIn(self.name, steps["mount target"]["seen"])

    # Section 11, section 21
    def test_efsctl_config_shows_its_file(self):
        values = {(value["section"], value["key"]): value for value in json.loads(
            run(program("efsctl"), "config", "--json", "-t", "s3files", check=False).stdout)["values"]}
        self.assertEqual(values["mount", "dns_name_suffix"]["value"], "on.aws")
        self.assertTrue(values["mount", "dns_name_suffix"]["origin"].startswith(S3CONFIG))


if __name__ == "__main__":
    unittest.main(verbosity=2)
