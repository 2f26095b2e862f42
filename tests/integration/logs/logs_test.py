#!/usr/bin/python3
"""A log can stop nothing (contract section 19): locks of strangers, FIFOs, links, full and hung
disks, a writer that is stopped or killed; and what is written stays whole.

The programs are real. A hung disk is an ext4 on a loop device, frozen; or a writer that was stopped:
the tunnel cannot tell them apart.
"""
import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from efs_test import processes
from efs_test.files import read
from efs_test.log_writer import writer_pid
from efs_test.processes import open_files
from efs_test.programs import program
from efs_test.servers import Server, echo, receive
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, wait_for


def state_of(pid):
    return processes.stat(pid)[1]


def pss_kib(pid):
    return int(re.search(r"^Pss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M).group(1))


class LockOfAStranger:
    """uid 65534 holds the log's flock, as any user can who may read the file."""

    SCRIPT = ("import fcntl, os, sys\nfd = os.open(sys.argv[1], os.O_RDONLY)\nos.setuid(65534)\n"
              "fcntl.flock(fd, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()\n")

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, "-c", self.SCRIPT, path], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate(timeout=20)


class LogTest(TunnelTest):
    def tunnel(self, log=None, **proxy):
        """A tunnel to an echo server, not started."""
        backend = self.keep(Server(echo))
        tunnel = Tunnel(backend.port, start=False)
        self.addCleanup(self.end, tunnel)
        text = read(tunnel.config)
        for key, value in proxy.items():
            text += f"\n{key} = {value}"
        if log:
            text = text.replace(f"output = {tunnel.log_path}", f"output = {log}")
        with open(tunnel.config, "w", encoding="utf-8") as config:
            config.write(text)
        return tunnel

    def end(self, tunnel):
        pid = writer_pid(tunnel.dir)
        tunnel.stop()
        if pid and os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGKILL)

    def assertServes(self, tunnel, message=b"still here"):
        with tunnel.connect() as client:
            client.settimeout(WAIT)  # what would hold it up has no end
            client.sendall(message)
            self.assertEqual(receive(client, len(message)), message)

    def assertEnds(self, tunnel):
        """SIGTERM is served."""
        watch = Stopwatch()
        tunnel.process.send_signal(signal.SIGTERM)
        self.assertEqual(tunnel.process.wait(WAIT), 0)
        self.assertLess(watch.own(), 2 * SCALE)


class Strangers(LogTest):
    def test_a_lock_held_while_rotation_is_due(self):
        tunnel = self.tunnel(proxy_logging_max_bytes=300, proxy_logging_file_count=3)
        tunnel.start()
        tunnel.wait_log("Starting new incarnation")
        with LockOfAStranger(tunnel.log_path):
            for _ in range(30):  # each leaves lines: rotation comes due
                self.assertServes(tunnel)
            self.assertEnds(tunnel)
        self.assertTrue(os.path.exists(tunnel.log_path + ".0"), "it did rotate")

    def test_the_log_is_for_root_and_its_group(self):
        tunnel = self.tunnel()
        tunnel.start()
        tunnel.wait_log("Starting new incarnation")
        self.assertEqual(stat.S_IMODE(os.stat(tunnel.log_path).st_mode), 0o640)

    def test_a_log_of_an_older_release_is_narrowed_and_continued(self):
        tunnel = self.tunnel()
        with open(tunnel.log_path, "w", encoding="utf-8") as log:
            log.write("old line\n")
        os.chmod(tunnel.log_path, 0o644)
        tunnel.start()
        tunnel.wait_log("Starting new incarnation")
        self.assertTrue(tunnel.log().startswith("old line\n"))
        self.assertEqual(stat.S_IMODE(os.stat(tunnel.log_path).st_mode), 0o640)


class Places(LogTest):
    def check(self, log, **proxy):
        tunnel = self.tunnel(log, **proxy)
        tunnel.start()
        for _ in range(3):
            self.assertServes(tunnel)
        self.assertEnds(tunnel)

    def both_ways(self, log):
        for writer in ("shared", "own"):
            with self.subTest(writer=writer):
                self.check(log, log_writer=writer)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="efs-logs-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def test_a_fifo(self):
        path = f"{self.dir}/fifo"
        os.mkfifo(path, 0o666)
        self.both_ways(path)

    def test_a_fifo_that_somebody_opened_and_does_not_read(self):
        path = f"{self.dir}/fifo"
        os.mkfifo(path, 0o666)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        self.both_ways(path)
        self.assertEqual(os.read(reader, 100), b"", "nothing of ours is in it")

    def test_a_link_to_a_file_of_the_system(self):
        victim = f"{self.dir}/passwd"
        with open(victim, "w", encoding="utf-8") as file:
            file.write("root:x:0:0\n")
        os.symlink(victim, f"{self.dir}/log")
        self.both_ways(f"{self.dir}/log")
        self.assertEqual(read(victim), "root:x:0:0\n")

    def test_a_directory_and_a_device(self):
        os.mkdir(f"{self.dir}/log")
        self.both_ways(f"{self.dir}/log")
        self.both_ways("/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_a_full_disk(self):
        disk = f"{self.dir}/disk"
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        with open(f"{disk}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        tunnel = self.tunnel(f"{disk}/log")
        tunnel.start()
        # Made, but nothing fits into it.
        wait_for("the empty log", lambda: os.path.exists(f"{disk}/log"))
        for _ in range(3):
            self.assertServes(tunnel)
        self.assertEqual(read(f"{disk}/log"), "")
        os.unlink(f"{disk}/filler")

        def told():
            self.assertServes(tunnel)
            return "lost while the log could not be written" in read(f"{disk}/log")
        wait_for("the number of lost lines", told)
        self.assertRegex(read(f"{disk}/log"), r"WARN efs_proxy \d+ log lines? (was|were) lost")
        self.assertEnds(tunnel)


    def test_a_frozen_disk(self):
        disk = f"{self.dir}/disk"
        os.mkdir(disk)
        subprocess.run(["truncate", "-s", "32M", f"{self.dir}/image"], check=True)
        subprocess.run(["mkfs.ext4", "-q", f"{self.dir}/image"], check=True, timeout=60)
        mounted = subprocess.run(["mount", "-o", "loop,noatime", f"{self.dir}/image", disk],
                                 capture_output=True, timeout=60)
        if mounted.returncode != 0:
            self.skipTest("no loop device here; the end-to-end case 39-faults-log has one")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        tunnel = self.tunnel(f"{disk}/log")
        tunnel.start()
        wait_for("the first line", lambda: "Starting" in read(f"{disk}/log"))
        subprocess.run(["fsfreeze", "-f", disk], check=True, timeout=60)
        try:
            for _ in range(30):
                self.assertServes(tunnel)
            self.assertEnds(tunnel)
        finally:
            subprocess.run(["fsfreeze", "-u", disk], check=True, timeout=60)
        wait_for("the last line", lambda: "Stopping: signal" in read(f"{disk}/log"))


class TheWriter(LogTest):
    def started(self, **proxy):
        tunnel = self.tunnel(**proxy)
        tunnel.start()
        tunnel.wait_log("Starting new incarnation")
        return tunnel, wait_for("a log writer", lambda: writer_pid(tunnel.dir))

    def test_is_one_and_holds_nothing_of_who_started_it(self):
        tunnel, pid = self.started()
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assertEqual(read(f"/proc/{pid}/comm"), "efs-log-writer\n")
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)]
        self.assertEqual(links, ["/dev/null"] * 3)
        self.assertNotEqual(os.getsid(pid), os.getsid(tunnel.pid))
        sockets = read("/proc/net/tcp")
        for link in filter(lambda text: text.startswith("socket:"), open_files(pid)):
            self.assertNotIn(link[8:-1], sockets.split())
        second = subprocess.run([program("efs-log-writer"), tunnel.dir], timeout=20)
        self.assertEqual(second.returncode, 0)
        self.assertEqual(writer_pid(tunnel.dir), pid)

    def test_is_small(self):
        tunnel, pid = self.started()
        kib = pss_kib(pid)
        print(f"efs-log-writer: {kib} KiB PSS", file=sys.stderr)
        if not tunnel.sanitized():
            self.assertLess(kib, 1536)

    def test_stopped_holds_up_nobody_and_what_was_lost_is_told(self):
        tunnel, pid = self.started()
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for("the writer's stop", lambda: state_of(pid) == "T")
            for _ in range(600):
                self.assertServes(tunnel)
            if not tunnel.sanitized():
                self.assertLess(tunnel.memory_kib() / 1024, 64)
        finally:
            os.kill(pid, signal.SIGCONT)
        tunnel.wait_log("lost while the log could not be written")
        lost = int(re.search(r"(\d+) log lines were lost", tunnel.log()).group(1))
        self.assertGreater(lost, 0)
        self.assertEnds(tunnel)

    def test_stopped_does_not_keep_a_tunnel_from_ending(self):
        tunnel, pid = self.started()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertServes(tunnel)
            self.assertEnds(tunnel)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for("the last words, after all", lambda: "Stopping: signal" in tunnel.log())

    def test_killed_is_started_again_and_no_line_is_lost(self):
        tunnel, pid = self.started()
        os.kill(pid, signal.SIGKILL)
        self.assertServes(tunnel)
        again = wait_for("another writer", lambda: writer_pid(tunnel.dir) not in (None, pid) and
                         writer_pid(tunnel.dir))
        self.assertNotEqual(again, pid)
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.wait_log("SIGHUP ignored")
        self.assertRegex(tunnel.log(), "(?s)Starting new.*Connection 1.*SIGHUP ignored")

    def test_a_line_that_no_writer_takes_is_no_reason_to_spin(self):
        """A writer that hangs up on each line: one of another version."""
        tunnel = self.tunnel()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(listener.close)
        listener.bind(f"{tunnel.dir}/log.sock")
        listener.listen(100)
        tunnel.start()
        listener.settimeout(20 * SCALE)
        listener.accept()[0].close()
        calls, end = 0, time.monotonic() + 3
        while time.monotonic() < end:
            listener.settimeout(max(0.01, end - time.monotonic()))
            try:
                listener.accept()[0].close()
                calls += 1
            except socket.timeout:
                break
        self.assertLess(calls, 10)

    def test_a_path_that_is_too_long_is_told_and_holds_up_nothing(self):
        tunnel = self.tunnel(log="/" + "x" * 5000)
        tunnel.start()
        self.assertServes(tunnel)
        self.assertIsNone(writer_pid(tunnel.dir))
        self.assertEnds(tunnel)

    def test_ends_when_nobody_needs_it(self):
        tunnel, pid = self.started()
        tunnel.process.send_signal(signal.SIGTERM)
        tunnel.process.wait(WAIT)
        wait_for("the writer's end", lambda: not os.path.exists(f"/proc/{pid}"), 15)
        self.assertFalse(os.path.exists(f"{tunnel.dir}/log.sock"))

    def test_an_idle_writer_pins_no_disk(self):
        tunnel, pid = self.started()
        wait_for("closed files", lambda: not any(path.startswith("/tmp/") and "efs-proxy.log" in path
                                                 for path in open_files(pid)))
        self.assertServes(tunnel)

    def test_without_it_a_tunnel_writes_itself(self):
        tunnel = self.tunnel(log_writer="own")
        tunnel.start()
        tunnel.wait_log("Starting new incarnation")
        self.assertIsNone(writer_pid(tunnel.dir))
        self.assertEnds(tunnel)


if __name__ == "__main__":
    unittest.main(verbosity=2)
