#!/usr/bin/python3
"""Promise: efsctl explain says what mount.efs would do, where each value comes from, and changes nothing."""
import json
import os
import unittest

from efs_test import machine, mount_helper
from efs_test.mount_helper import HelperBench, KEY, MOUNTPOINT, STATE
from efs_test.processes import processes
from efs_test.programs import program, run
from efs_test.simulator import AP, ROLE

mount_helper.enter()


class Explain(HelperBench):
    def explain(self, options="tls", device=None, code=0):
        done = run(program("efsctl"), "explain", "--json", "-o", options, device or f"{self.fs}:/", MOUNTPOINT,
                   check=False, env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.err = done.stderr
        if code == 2:
            return {}
        self.answer = json.loads(done.stdout)
        return {row["name"]: (row["value"], row["from"])
                for section in self.answer["sections"] for row in section["rows"]}

    def test_each_value_has_its_source(self):
        rows = self.explain(f"tls,iam,accesspoint={AP},rsize=65536,_netdev")
        self.assertEqual(rows["file system"], (self.fs, "the device"))
        self.assertEqual(rows["region"][0], "us-east-1")
        self.assertIn("instance", rows["region"][1])
        self.assertEqual(rows["mount target"][0], f"us-east-1a.{self.fs}.efs.us-east-1.amazonaws.com")
        self.assertEqual(rows["address"][0], self.sim.ip_a)
        self.assertIn("instance role", rows["identity"][1])
        self.assertEqual(rows["rsize"], ("65536", "your options"))
        self.assertEqual(rows["wsize"], ("1048576", "built in"))
        self.assertEqual(rows["option _netdev"][1], "for mount(8) and systemd alone")
        self.assertEqual(rows["access point"][0], AP)
        self.assertIn("stunnel_cafile of [mount]", rows["authorities"][1])
        self.assertEqual(rows["local port"][0], "a free one of 20049 to 21048")

    def test_no_secret_is_told(self):
        self.explain("tls,iam")
        for secret in (ROLE["secret_access_key"], "token"):
            self.assertNotIn(f'"{secret}"', json.dumps(self.answer))
        self.assertNotIn(ROLE["secret_access_key"], json.dumps(self.answer))

    def test_configuration_and_options_are_told_apart(self):
        machine.write_config(region="us-east-1", stunnel_check_cert_validity="true")
        rows = self.explain("tls,tlsport=20111")
        self.assertIn("key region of section [mount]", rows["region"][1])
        self.assertEqual(rows["local port"], ("20111", "option tlsport"))
        self.assertEqual(rows["revocation asked"][0], "yes")
        self.assertIn("stunnel_check_cert_validity of [mount]", rows["revocation asked"][1])
        rows = self.explain("tls,noocsp,region=us-east-1")
        self.assertEqual(rows["revocation asked"], ("no", "option ocsp or noocsp"))
        self.assertIn("option", rows["region"][1])

    def test_the_watchdog_is_part_of_it_only_with_a_tunnel(self):
        self.explain("tls")
        states = {story["state"]: story["steps"] for story in self.answer["watchdog"]}
        self.assertEqual([step["what"] for step in states["its tunnel dies"]], ["start tunnel"])
        rows = self.explain("notunnel")
        self.assertEqual(self.answer["watchdog"], [])
        self.assertIn("no encryption", rows["tunnel"][0])

    def test_a_mistyped_option_is_told(self):
        self.assertIn("accesspoint", self.explain("tls,accespoint=x")["warning"][0])

    def test_what_cannot_be_found_out_is_told_with_the_rest(self):
        self.sim.ctl(f"dns unset {self.fs}.efs.us-east-1.amazonaws.com")
        self.sim.ctl(f"dns unset us-east-1a.{self.fs}.efs.us-east-1.amazonaws.com")
        try:
            rows = self.explain("tls", code=1)
        finally:
            self.sim.ctl(f"dns set {self.fs}.efs.us-east-1.amazonaws.com")
            self.sim.ctl(f"dns set us-east-1a.{self.fs}.efs.us-east-1.amazonaws.com")
        self.assertIn("Failed to resolve", self.answer["missing"])
        self.assertEqual(rows["region"][0], "us-east-1")

    def test_what_mount_would_refuse_is_refused_in_its_words(self):
        self.explain("iam", code=2)
        self.assertIn('The "tls" option is required when mounting via "iam"', self.err)

    def test_nothing_is_changed(self):
        if os.path.exists(KEY):
            os.unlink(KEY)
        self.explain("tls,iam")
        self.assertFalse(os.path.exists(STATE))
        self.assertFalse(os.path.exists(KEY))
        self.assertEqual(processes("efs-proxy"), [])
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main(verbosity=2)
