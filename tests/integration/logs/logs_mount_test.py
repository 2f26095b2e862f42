#!/usr/bin/python3
"""mount.efs and its log: nothing that happens to mount.log or to the outputs holds up a mount, and
what is said is in the file when mount.efs has ended."""
import fcntl
import os
import signal
import subprocess
import unittest

from efs_test import mount_helper
from efs_test.files import read
from efs_test.machine import CONFIG, LOG
from efs_test.mount_helper import HelperBench, STATE
from efs_test.processes import needs_sanitizer, processes
from efs_test.programs import BIN, program, run
from efs_test.waiting import SCALE, WAIT, Stopwatch, wait_for

mount_helper.enter()


class MountLog(HelperBench):
    def tearDown(self):
        if os.path.isdir(LOG):
            os.rmdir(LOG)
        super().tearDown()

    def setting(self, key, value):
        with open(CONFIG, encoding="utf-8") as source:
            lines = [line for line in source.read().split("\n") if line.split("=")[0].strip() != key]
        lines.insert(lines.index("[mount]") + 1, f"{key} = {value}")
        with open(CONFIG, "w", encoding="utf-8") as out:
            out.write("\n".join(lines))

    def both_ways(self):
        for writer in ("shared", "own"):
            self.setting("log_writer", writer)
            with self.subTest(writer=writer):
                self.mount(limit=20)
                self.assertReachedMount()

    def test_all_is_in_the_file_when_mount_efs_ends(self):  # EX-1
        for writer in ("shared", "own"):
            self.setting("log_writer", writer)
            for _ in range(10):
                self.assertAllIsInTheFile()
        self.assertLessEqual(len(processes("efs-log-writer")), 1)

    def assertAllIsInTheFile(self):
        """mount.efs waits a second for its writer: where that did not come to its turn, nothing is learned."""
        for _ in range(10):
            if os.path.exists(LOG):
                os.unlink(LOG)
            watch = Stopwatch()
            self.mount()
            lines = read(LOG).splitlines()
            disturbed = watch.passed() - watch.own() > 0.5
            self.assertReachedMount()
            if lines and "no NFSv4 client" in lines[-1] or not disturbed:
                break
        self.assertIn("version=", lines[0])
        self.assertIn("no NFSv4 client", lines[-1])

    def test_a_fifo_or_a_directory_in_its_place(self):
        os.mkfifo(LOG)
        self.both_ways()
        os.unlink(LOG)
        os.mkdir(LOG)
        self.both_ways()
        self.assertIn("is a directory", self.err)

    def test_a_lock_that_a_stranger_holds_while_rotation_is_due(self):
        self.setting("logging_max_bytes", "100")
        with open(LOG, "w", encoding="ascii") as log:
            log.write("x" * 200 + "\n")
        os.chmod(LOG, 0o644)
        with open(LOG, encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.both_ways()
        self.assertTrue(os.path.exists(LOG + ".1"))

    def test_a_writer_that_hangs(self):
        self.mount()
        self.assertReachedMount()
        quick = self.took
        [writer] = processes("efs-log-writer")
        os.kill(writer, signal.SIGSTOP)
        self.mount(limit=20)
        self.assertReachedMount()
        self.assertLess(self.took, quick + 3 * SCALE)
        first = read(LOG).splitlines()
        os.kill(writer, signal.SIGCONT)
        wait_for("the last line of the second mount",
                 lambda: "no NFSv4 client" in "".join(read(LOG).splitlines()[len(first) + 5:]))
        self.assertEqual(read(LOG).count("version="), 2)

    def test_a_writer_started_in_another_mount_namespace_writes_the_hosts_log(self):
        """It serves everybody: what a service or container hides or mounts is not its to see."""
        if needs_sanitizer(program("mount.efs"), "tsan"):
            self.skipTest("ThreadSanitizer has a thread, and with two nobody enters a mount namespace")
        os.makedirs(STATE, mode=0o750)
        self.tunnel(None)
        script = (f"mount -t tmpfs none {os.path.dirname(LOG)} && "
                  f"exec {BIN}/mount.efs {self.fs}:/ /run/mountpoint -o tls,rw")
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], timeout=60 * SCALE,
                              env={"PATH": f"{self.programs}:/usr/bin:/bin:/usr/sbin:/sbin"})
        self.assertNotEqual(done.returncode, 0)
        [writer] = processes("efs-log-writer")
        self.assertEqual(os.readlink(f"/proc/{writer}/ns/mnt"), os.readlink("/proc/self/ns/mnt"))
        self.mount()
        self.assertEqual(processes("efs-log-writer"), [writer])
        self.logged("Failed to locate efs-proxy")

    def test_a_writer_is_not_led_into_mounts_with_another_state_directory(self):
        os.makedirs(STATE, mode=0o750)
        self.tunnel(None)
        script = (f"mount -t tmpfs none {STATE} && "
                  f"{BIN}/mount.efs {self.fs}:/ /run/mountpoint -o tls,rw; "
                  f"readlink /proc/self/ns/mnt /proc/$(cat {STATE}/log-writer.lock)/ns/mnt")
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], timeout=60 * SCALE,
                              text=True, stdout=subprocess.PIPE,
                              env={"PATH": f"{self.programs}:/usr/bin:/bin:/usr/sbin:/sbin"})
        spaces = done.stdout.split()
        self.assertEqual(len(spaces), 2, done.stdout)
        self.assertEqual(spaces[0], spaces[1])

    def test_without_a_writer_that_can_be_started_the_lines_are_written(self):
        os.makedirs(STATE)
        run("mount", "-t", "tmpfs", "-o", "mode=750", "state", STATE)
        os.mkdir(f"{STATE}/log.sock")  # no writer can listen there
        self.mount(limit=20)
        self.assertEqual(self.code, 32, self.err)
        wait_for("the lines", lambda: os.path.exists(LOG) and "no NFSv4 client" in read(LOG))
        self.assertEqual(read(LOG).count("version="), 1)

    def test_outputs_that_nobody_reads(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, b"x" * 4096)
        helper = subprocess.Popen([program("mount.efs"), "fs-99999999:/", "/run/mountpoint", "-o",
                                   "tls,rw"], stdout=writer, stderr=writer,
                                  stdin=subprocess.DEVNULL,
                                  env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        try:
            self.assertNotEqual(helper.wait(2 * WAIT), 0)
        finally:
            helper.kill()
            helper.wait(20)
            os.close(reader)
            os.close(writer)


if __name__ == "__main__":
    unittest.main(verbosity=2)
