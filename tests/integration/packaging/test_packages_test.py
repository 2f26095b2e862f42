#!/usr/bin/python3
"""Promise: what is installed for the tests starts no service of its own (nobody asked for a Prometheus on this machine)."""
import os
import subprocess
import tempfile
import unittest

from efs_test.programs import SOURCE
from efs_test.waiting import WAIT

PACKAGES = SOURCE / "tests/testbed/packages.sh"


class TestPackages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.policy = os.path.join(self.folder.name, "policy-rc.d")

    def install(self, command):
        """`command` in the place of apt-get; its exit code and what it said."""
        script = f'. {PACKAGES}; efs_without_services sh -c "$0"'
        done = subprocess.run(["bash", "-c", script, command], env=dict(os.environ, EFS_POLICY=self.policy),
                              capture_output=True, text=True, timeout=WAIT)
        return done.returncode, done.stdout

    def test_services_are_forbidden_while_packages_are_installed_and_only_then(self):
        self.assertEqual(self.install("$EFS_POLICY prometheus start; echo $?"), (0, "101\n"))
        self.assertFalse(os.path.exists(self.policy))
        self.assertEqual(self.install("exit 7")[0], 7)
        self.assertFalse(os.path.exists(self.policy))

    def test_a_policy_of_the_machine_stays(self):
        with open(self.policy, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\nexit 0\n")
        os.chmod(self.policy, 0o755)
        self.assertEqual(self.install("$EFS_POLICY prometheus start; echo $?"), (0, "0\n"))
        self.assertTrue(os.path.exists(self.policy))


if __name__ == "__main__":
    unittest.main(verbosity=2)
