#!/usr/bin/python3
"""The writer of a host's logs by itself, as its clients meet it (efs/base/log_wire.h)."""
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
import unittest

from efs_test.files import read
from efs_test.log_writer import writer_pid
from efs_test.processes import cpu_seconds, needs_sanitizer
from efs_test.programs import program
from efs_test.servers import Server, echo, receive
from efs_test.tunnel import Tunnel
from efs_test.waiting import SCALE, pause, wait_for

# As the programs: 'L' version form max_bytes file_count length path line.
HEADER = struct.Struct(">cBBQIH")
TUNNEL_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ [A-Z]+ efs_proxy .*\n")



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
        if needs_sanitizer(program("efs-log-writer"), "tsan"):
            self.skipTest("ThreadSanitizer writes a file before main()")
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
