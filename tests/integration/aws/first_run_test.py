#!/usr/bin/python3
"""Promise: tests/aws/first-run.sh makes nothing without a yes, removes all that it made whatever happens, and writes no secret.

The programs that it calls are played: `aws` notes what it is asked and answers as AWS would, mount.efs says a secret and fails or not.
"""
import os
import signal
import subprocess
import tempfile
import unittest

from efs_test.files import read, write
from efs_test.programs import SOURCE
from efs_test.waiting import WAIT, wait_for

SCRIPT = SOURCE / "tests/aws/first-run.sh"
AWS = """#!/bin/bash
echo "$2" >>calls
case "$2 $*" in
  create-file-system*) echo fs-0123456789abcdef0 ;;
  describe-file-systems*LifeCycleState*) echo available ;;
  describe-file-systems*) echo arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-0123456789abcdef0 ;;
  create-mount-target*) echo "fsmt-$RANDOM" ;;
  create-access-point*) echo "fsap-$RANDOM" ;;
  describe-mount-targets*length*) echo 0 ;;
  describe-mount-targets*IpAddress*) printf '%s\\t%s\\n' 10.0.0.1 10.0.0.2 ;;
  describe-mount-targets*Zone*) printf '%s\\t%s\\n' us-east-1a us-east-1b ;;
  delete-access-point*) [[ ! -e stuck ]] ;;
esac
"""
MOUNT = """#!/bin/bash
echo "mount.efs $* in account 123456789012 with ASIAABCDEFGHIJKLMNOP token=abcdef"
[[ ! -e slow ]] || { touch slow.begun; exec sleep 5; }
"""


class FirstRun(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name, text in (("aws", AWS), ("mount.efs", MOUNT), ("efsctl", "#!/bin/sh\n"), ("umount", "#!/bin/sh\n")):
            write(self.path(name), text)
            os.chmod(self.path(name), 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words):
        return subprocess.Popen(["bash", SCRIPT, "--vpc", "vpc-1", "--subnets", "subnet-1,subnet-2", "--group", "sg-1", *words],
                                cwd=self.folder, env=dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}", TMPDIR=self.folder),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run_all(self, *words):
        process = self.start("--yes", *words)
        self.said = process.communicate(timeout=4 * WAIT)[0]
        return process.returncode

    def calls(self, verb):
        return read(self.path("calls")).split().count(verb)

    def assertAllRemoved(self):
        for thing in ("access-point", "mount-target", "file-system"):
            self.assertGreaterEqual(self.calls(f"create-{thing}"), 1)
            self.assertEqual(self.calls(f"delete-{thing}"), self.calls(f"create-{thing}"), thing)

    def test_nothing_is_made_without_a_yes(self):
        process = self.start()
        self.assertIn("All of it is removed", process.communicate(timeout=WAIT)[0])
        self.assertEqual(process.returncode, 2)
        self.assertFalse(os.path.exists(self.path("calls")))

    def test_all_is_removed_and_the_report_has_no_secret(self):
        # Refusals are rows too, and this mount.efs refuses nobody: some rows fail.
        self.assertEqual(self.run_all(), 1, self.said)
        self.assertAllRemoved()
        self.assertEqual(self.calls("delete-file-system-policy"), 1)
        report = read(self.path("efs-first-run.md"))
        for row in ("mount: TLS: ok", "mount: IAM under a policy: ok", "unknown access point: FAILED", "server owners"):
            self.assertIn(row, report)
        for secret in ("123456789012", "ASIAABCDEFGHIJKLMNOP", "abcdef\n"):
            self.assertNotIn(secret, report.replace("fs-0123456789abcdef0", ""))

    def test_an_interrupted_run_removes_all(self):
        write(self.path("slow"), "")
        process = self.start("--yes")
        wait_for("its first mount", lambda: os.path.exists(self.path("slow.begun")))
        os.unlink(self.path("slow"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=6 * WAIT)
        self.assertNotEqual(process.returncode, 0)
        self.assertAllRemoved()

    def test_what_cannot_be_removed_is_named(self):
        write(self.path("stuck"), "")
        self.assertEqual(self.run_all(), 1)
        self.assertRegex(self.said, r"NOT REMOVED, look in the console: fsap-\d+ fsap-\d+")


if __name__ == "__main__":
    unittest.main(verbosity=2)
