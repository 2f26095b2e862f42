#!/usr/bin/python3
"""Promise: an unmount waits for the end of a look at the mount (CLI-9), and takes away nothing but that mount.

The mount is a tmpfs of a mount namespace of the test's, which a mount table of the test's calls one of EFS: this machine's
kernel need not have NFS. What is mounted and unmounted is real.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from efs_test.files import read, write
from efs_test.processes import needs_sanitizer
from efs_test.programs import program
from efs_test.waiting import WAIT, wait_for

LIBC = ctypes.CDLL(None, use_errno=True)
IN_CLOSE_NOWRITE = 0x10
ROW = "%d 22 0:50 / %s rw,relatime shared:1 - nfs4 127.0.0.1:/ rw,vers=4.1,hard,proto=tcp,port=%d,addr=127.0.0.1\n"
# 7: held by a process of which nothing can be seen, because the /proc of the namespace is the test's.
IN_NAMESPACE = """
mount --make-rprivate / && mount -t tmpfs none "$1/mnt" && exec 7<"$1/mnt/." &&
mount --rbind "$1/proc" /proc && echo ready && read -r _
"""


class Retry(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        if needs_sanitizer(program("umount.efs")):
            self.skipTest("a sanitizer needs the real /proc")
        self.root = tempfile.mkdtemp(prefix="efs-umount-")
        self.addCleanup(shutil.rmtree, self.root)
        self.mnt = os.path.join(self.root, "mnt")
        os.mkdir(self.mnt)
        os.makedirs(os.path.join(self.root, "proc/self"))
        self.table(1)
        self.looks = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.addCleanup(os.close, self.looks)
        LIBC.inotify_add_watch(self.looks, os.path.join(self.root, "proc/self/mountinfo").encode(), IN_CLOSE_NOWRITE)
        self.holder = subprocess.Popen(["unshare", "-m", "sh", "-c", IN_NAMESPACE, "sh", self.root], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.release)
        self.assertEqual(self.holder.stdout.readline(), "ready\n")

    def table(self, number):
        """The mount at that place is the one of this number."""
        path = os.path.join(self.root, "proc/self/mountinfo")
        write(path + ".new", ROW % (number, self.mnt, 1))
        os.rename(path + ".new", path)

    def release(self):
        if not self.holder.stdin.closed:
            self.holder.stdin.close()
            self.holder.wait(WAIT)
            self.holder.stdout.close()

    def enter(self, *words, **options):
        return subprocess.Popen(["nsenter", f"--mount=/proc/{self.keeper.pid}/ns/mnt", *words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def umount(self, *words):
        # The namespace outlives its holder.
        self.keeper = subprocess.Popen(["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "sleep", "1000"])
        self.addCleanup(self.keeper.wait, WAIT)
        self.addCleanup(self.keeper.send_signal, signal.SIGKILL)
        wait_for("the namespace", lambda: os.readlink(f"/proc/{self.keeper.pid}/ns/mnt") ==
                 os.readlink(f"/proc/{self.holder.pid}/ns/mnt"))
        process = self.enter(program("umount.efs"), self.mnt, *words)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def assertWaits(self, process):
        """It has found out what is to be unmounted, was told that it is busy, and looks again."""
        looks = []

        def looked_again():
            with contextlib.suppress(BlockingIOError):
                looks.append(os.read(self.looks, 16))  # one event without a name
            return len(looks) >= 2
        wait_for("its second look at the table", looked_again)
        self.assertIsNone(process.poll())

    def mounted(self):
        return [line.split()[5] for line in read(f"/proc/{self.keeper.pid}/mountinfo").splitlines() if self.mnt in line]

    def test_the_end_of_a_look_is_waited_for(self):
        process = self.umount()
        self.assertWaits(process)
        self.release()
        out, err = process.communicate(timeout=WAIT)
        self.assertEqual((process.returncode, out, err), (0, "", ""))
        self.assertEqual(self.mounted(), [])

    def test_another_mount_that_came_meanwhile_is_left_alone(self):
        process = self.umount()
        self.assertWaits(process)
        self.table(2)
        # Before it is free: umount(2) knows no mount but that of a path, so between a look and an attempt nobody can tell.
        _, err = process.communicate(timeout=WAIT)
        self.assertEqual(len(self.mounted()), 1)
        self.assertEqual(process.returncode, 32)
        self.assertIn("not mounted", err)

    def test_r_makes_read_only_what_stays_busy_and_not_what_is_looked_at(self):
        process = self.umount("-r")
        self.assertWaits(process)
        self.release()
        process.communicate(timeout=WAIT)
        self.assertEqual((process.returncode, self.mounted()), (0, []))

    def test_r_makes_read_only_what_stays_busy(self):
        process = self.umount("-r", "-v")
        out, err = process.communicate(timeout=WAIT)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertIn("busy, made read-only instead", out)
        self.assertEqual(len(self.mounted()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
