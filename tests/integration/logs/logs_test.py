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
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from efs_test import processes
from efs_test.files import read
from efs_test.processes import alive, cpu_seconds, open_files
from efs_test.programs import program
from efs_test.servers import Server, echo, receive
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, pause, wait_for

# As the programs: 'L' version form max_bytes file_count length path line.
HEADER = struct.Struct(">cBBQIH")
TUNNEL_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ [A-Z]+ efs_proxy .*\n")


def writer_pid(state):
    text = read(os.path.join(state, "log-writer.lock")).strip()
    return int(text) if text and alive(text) else None


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
            client.settimeout(5 * SCALE)
            client.sendall(message)
            self.assertEqual(receive(client, len(message)), message)

    def assertEnds(self, tunnel):
        """SIGTERM is served."""
        began = time.monotonic()
        tunnel.process.send_signal(signal.SIGTERM)
        self.assertEqual(tunnel.process.wait(5 * SCALE), 0)
        self.assertLess(time.monotonic() - began, 2 * SCALE)


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
        tunnel.process.wait(20)
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


class Protocol(unittest.TestCase):
    """The writer by itself, with clients of the test."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="efs-logs-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.writer = None
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        self.writer = subprocess.Popen([program("efs-log-writer"), self.dir])
        wait_for("the writer", lambda: writer_pid(self.dir) == self.writer.pid)
        # The socket's file is there an instant before it listens: who stops the writer then would wait for ever.
        self.connect().close()

    def stop(self):
        self.writer.kill()
        self.writer.wait(20)

    def connect(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(link.close)
        link.settimeout(20)
        wait_for("the writer's socket", lambda: link.connect_ex(f"{self.dir}/log.sock") == 0)
        return link

    def line(self, text, size=1 << 20, count=10, name="log"):
        path = f"{self.dir}/{name}".encode()
        return HEADER.pack(b"L", 1, 0, size, count, len(path)) + path + text.encode() + b"\n"

    @staticmethod
    def handled(link):
        ack = link.recv(4096)
        assert ack[:2] == b"A\x01", ack
        return struct.unpack(">Q", ack[2:10])[0], ack[10:].decode()

    def test_acknowledges_what_is_in_the_file(self):
        link = self.connect()
        for number in range(1, 4):
            link.send(self.line(f"line {number}"))
            self.assertEqual(self.handled(link), (number, ""))
            self.assertEqual(len(read(f"{self.dir}/log").splitlines()), number)

    def test_says_why_a_line_is_not_in_the_file(self):
        os.mkdir(f"{self.dir}/log")
        link = self.connect()
        link.send(self.line("x"))
        number, why = self.handled(link)
        self.assertEqual(number, 1)
        self.assertIn("is a directory", why)

    def test_is_closed_to_nonsense(self):
        for nonsense in (b"x", b"L\x02", self.line("x")[:-1], self.line("a\nb"), b"A" * 10):
            link = self.connect()
            link.send(nonsense)
            try:
                self.assertEqual(link.recv(100), b"")
            except ConnectionResetError:
                pass
        link = self.connect()
        link.send(self.line("good"))
        self.assertEqual(self.handled(link)[0], 1)

    def test_is_closed_to_strangers(self):
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.dir}/log.sock").st_mode), 0o600)
        os.chmod(self.dir, 0o755)
        os.chmod(f"{self.dir}/log.sock", 0o666)
        script = ("import os, socket, sys\nos.setuid(65534)\n"
                  "link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                  "link.settimeout(20)\nlink.connect(sys.argv[1])\n"
                  "try:\n    link.send(bytes.fromhex(sys.argv[2]))\n    gone = link.recv(9) == b''\n"
                  "except (ConnectionResetError, BrokenPipeError):\n    gone = True\n"
                  "sys.exit(0 if gone else 1)\n")
        done = subprocess.run([sys.executable, "-c", script, f"{self.dir}/log.sock",
                               self.line("x").hex()], timeout=30)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(read(f"{self.dir}/log"), "")

    def test_lines_of_who_has_ended_are_written(self):
        os.kill(self.writer.pid, signal.SIGSTOP)
        link = self.connect()
        link.settimeout(None)  # with one it would wait until the queue is nearly empty
        for number in range(100):
            link.send(self.line(f"{number}"))
        link.close()
        os.kill(self.writer.pid, signal.SIGCONT)
        wait_for("all lines in order", lambda: read(f"{self.dir}/log").splitlines() == [str(n) for n in range(100)])

    def test_fifty_writers_at_once_keep_whole_lines_and_the_number_of_files(self):
        links = [self.connect() for _ in range(50)]
        for number in range(20):
            for who, link in enumerate(links):
                link.send(self.line(f"{who} {number} " + "x" * 60, size=2000, count=1000))
        for link in links:
            while self.handled(link)[0] != 20:
                pass
        lines = []
        for name in os.listdir(self.dir):
            if name.startswith("log") and re.fullmatch(r"log(\.\d+)?", name):
                self.assertLessEqual(os.stat(f"{self.dir}/{name}").st_size, 2000)
                lines += read(f"{self.dir}/{name}").splitlines()
        self.assertEqual(sorted(lines), sorted(f"{who} {number} " + "x" * 60
                                               for who in range(50) for number in range(20)))
        link = links[0]
        for _ in range(200):
            link.send(self.line("y" * 60, size=2000, count=3))
            self.handled(link)
        self.assertTrue(os.path.exists(f"{self.dir}/log.3"))

    def test_without_descriptors_it_waits_and_goes_on(self):
        self.stop()
        self.writer = subprocess.Popen(
            ["prlimit", "--nofile=100:100", program("efs-log-writer"), self.dir])
        wait_for("the writer", lambda: os.path.exists(f"{self.dir}/log.sock"))
        links = [self.connect() for _ in range(120)]
        for number, link in enumerate(links):
            link.send(self.line(f"{number}", name=f"log{number}"))

        def written():
            return [name for name in os.listdir(self.dir)
                    if re.fullmatch(r"log\d+", name) and read(f"{self.dir}/{name}")]
        wait_for("the first lines", lambda: len(written()) >= 10)
        before = cpu_seconds(self.writer.pid)
        pause("what it does meanwhile is tested", 1)
        self.assertLess(cpu_seconds(self.writer.pid) - before, 0.3)
        for link in links:
            link.close()
        wait_for("all lines", lambda: len(written()) == 120)

    def test_file_size_limit_of_who_started_it_is_not_its_own(self):
        for limit, reasons in (("0:unlimited", [""]),
                               ("0:0", ["", f"writing log {self.dir}/log: File too large"])):
            self.stop()
            self.writer = subprocess.Popen(["prlimit", f"--fsize={limit}", program("efs-log-writer"),
                                            self.dir])
            link = self.connect()
            for number in (1, 2):
                link.send(self.line("x"))
                handled, why = self.handled(link)
                self.assertEqual(handled, number)
                self.assertIn(why, reasons)  # only CAP_SYS_RESOURCE lifts a hard limit

    def test_its_end_does_not_take_the_socket_of_another_one(self):
        link = self.connect()
        first = self.writer
        self.addCleanup(first.kill)
        shutil.rmtree(self.dir)  # somebody wiped the state directory
        os.mkdir(self.dir)
        self.start()
        second = self.connect()
        link.close()
        self.assertEqual(first.wait(30 * SCALE), 0)
        self.assertTrue(os.path.exists(f"{self.dir}/log.sock"))
        second.send(self.line("x"))
        self.assertEqual(self.handled(second), (1, ""))

    def test_killed_during_load_every_line_is_there(self):
        """The channel of a real program: a mount helper would do, but a tunnel talks more."""
        self.stop()
        backend = Server(echo)
        self.addCleanup(backend.close)
        tunnel = Tunnel(backend.port)

        def talk():
            with tunnel.connect() as client:
                client.sendall(b"x")
                receive(client, 1)

        try:
            killed = None
            for _ in range(5):
                talk()  # only who has a line starts a writer
                pid = wait_for("a writer", lambda old=killed: writer_pid(tunnel.dir) not in (None, old) and
                               writer_pid(tunnel.dir), 30)
                for _ in range(19):
                    talk()
                os.kill(pid, signal.SIGKILL)
                killed = pid
            talk()
            wait_for("the last line", lambda: "Connection 101" in tunnel.log(), 30)
            text = tunnel.log()
            for number in range(1, 102):
                self.assertIn(f"Connection {number} ", text)
            for line in text.splitlines(keepends=True):
                self.assertRegex(line, TUNNEL_LINE)
        finally:
            pid = writer_pid(tunnel.dir)
            tunnel.stop()
            if pid and os.path.exists(f"/proc/{pid}"):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
