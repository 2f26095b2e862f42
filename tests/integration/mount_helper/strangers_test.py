#!/usr/bin/python3
"""What a local user can see of a mount, and do to it: nothing. The mount is one that mount.efs has made.

Contract: ST-7, CLI-7.
"""
import os
import shutil
import subprocess
import unittest

from efs_test import mount_helper
from efs_test.mount_helper import HelperBench, KEY, STATE
from efs_test.processes import alive, end_all, processes
from efs_test.programs import program
from efs_test.waiting import WAIT

mount_helper.enter()

NOBODY = 65534
PLACE = "/run/for-everybody"


def as_nobody(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=WAIT, check=False, user=NOBODY, group=NOBODY,
                          extra_groups=[], cwd="/")


class Strangers(HelperBench):
    def tearDown(self):
        end_all("efs-proxy")
        super().tearDown()

    def test_nothing_of_a_mount_can_be_read(self):
        name = self.mounted("tls,iam")
        found = [os.path.join(folder, file) for folder, _, files in os.walk(STATE) for file in files]
        self.assertTrue([path for path in found if path.endswith("/certificate.pem")], found)
        self.assertTrue([path for path in found if path.endswith("/stunnel-config." + name)], found)
        for path in found + [STATE, KEY]:
            done = as_nobody("/bin/sh", "-c", 'if test -d "$0"; then ls "$0"; else cat "$0"; fi', path)
            self.assertIn("Permission denied", done.stderr, path)
            self.assertEqual(done.stdout, "", path)
        # Nor if an administrator opens the directory, but for the locks, which are empty.
        os.chmod(STATE, 0o755)
        for path in found:
            if os.path.getsize(path):
                self.assertIn("Permission denied", as_nobody("cat", path).stderr, path)

    def test_no_program_serves_them(self):
        name = self.mounted()
        pid = processes("efs-proxy")[0]
        os.makedirs(PLACE, exist_ok=True)
        for words in (("umount.efs", "/run/mountpoint"), ("mount.efs", "fs-0123456789abcdef0:/", "/run/mountpoint"),
                      ("efsctl", "status"), ("efsctl", "metrics"), ("efsctl", "doctor")):
            copy = shutil.copy(program(words[0]), PLACE)
            done = as_nobody(copy, *words[1:])
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("only root can", done.stderr, words)
            self.assertEqual(done.stdout, "", words)
        self.assertTrue(alive(pid))
        self.assertIn(name, os.listdir(STATE))


if __name__ == "__main__":
    unittest.main()
