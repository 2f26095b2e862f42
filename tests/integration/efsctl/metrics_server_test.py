#!/usr/bin/python3
"""Promise: what strangers, squatters and faults do to the server of efsctl metrics stays small and is told.

metrics_test.py has what it serves.
"""
import contextlib
import grp
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import unittest
import urllib.request

from efs_test.files import read, write
from efs_test.processes import alive, free_port, sanitized
from efs_test.programs import program
from efs_test.waiting import WAIT, stays, wait_for
from efs_test.watchdog import WatchdogBench

GROUP = grp.getgrnam("games").gr_gid


def local_listener(path, backlog=16):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(backlog)
    return listener


class Served(WatchdogBench):
    def setUp(self):
        super().setUp()
        os.chmod(self.root, 0o755)
        self.socket = self.path("status.sock")

    def serve(self, *addresses, **keys):
        """A watchdog that serves the numbers there."""
        self.set_config(f"metrics_listen = {', '.join(addresses)}\n" +
                        "".join(f"{key} = {value}\n" for key, value in keys.items()))
        self.start_watchdog()

    def tcp(self):
        self.port = free_port("127.0.0.1")
        return f"127.0.0.1:{self.port}"

    def local(self):
        return "unix:" + self.socket

    def answered(self):
        """None also where a busy machine had not the five seconds for all of it that a connection has."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=WAIT) as reply:
                return reply.read().decode()
        return None

    def status(self, *words):
        """efsctl status as a user that has nothing but the group."""
        return subprocess.run(["setpriv", "--reuid=65534", f"--regid={GROUP}", "--clear-groups", program("efsctl"), "status",
                               "--socket", self.socket, *words], capture_output=True, text=True, timeout=WAIT)

    def status_answers(self):
        done = self.status()
        return done if done.stderr == "" else None

    def server_pid(self):
        self.wait_log("serves numbers with PID")  # it may answer before that is in the log
        return int(re.findall(r"serves numbers with PID (\d+)", self.log())[-1])


class Strangers(Served):
    def test_at_the_port_do_not_shut_out_the_group(self):
        self.serve(self.tcp(), self.local(), status_group="games")
        wait_for("the server", self.status_answers)
        for _ in range(40):
            self.addCleanup(socket.create_connection(("127.0.0.1", self.port), timeout=WAIT).close)
        done = self.status()
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_who_say_nothing_do_not_shut_out_a_scraper(self):
        self.serve(self.tcp())
        wait_for("the server", self.answered)
        strangers = [socket.create_connection(("127.0.0.1", self.port), timeout=WAIT) for _ in range(40)]
        for stranger in strangers:
            self.addCleanup(stranger.close)
        self.assertIsNotNone(self.answered())

    def test_who_read_nothing_share_one_answer(self):
        for number in range(1500):
            name = "fs-0123456789abcdef0.mnt.%d" % (10000 + number)
            write(os.path.join(self.state_dir, name), json.dumps({
                "pid": -1, "cmd": [], "files": [], "mountpoint": "/" + "m" * 3500 + str(number), "mountStateDir": name + "+",
                "fsId": "fs-0123456789abcdef0"}))
        server = subprocess.Popen([program("efsctl"), "metrics", "--state-dir", self.state_dir, "--mountinfo", self.mountinfo,
                                   "--until-eof", "--listen", self.tcp()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.watchdogs.append(server)  # ended with them
        self.addCleanup(server.stdin.close)
        text = wait_for("the server", self.answered)
        self.assertGreater(len(text), 10 << 20)
        for _ in range(30):
            stranger = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
            self.addCleanup(stranger.close)
            stranger.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        wait_for("an answer beside them", self.answered)
        if sanitized(server.pid):
            return  # it keeps what was freed
        peak = int(re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{server.pid}/status"))[1]) << 10
        self.assertLess(peak, 10 * len(text) + (64 << 20), f"an answer has {len(text)} bytes")


class Addresses(Served):
    def test_one_that_is_taken_leaves_the_other_served_and_is_told_and_tried_again(self):
        address = self.tcp()
        squatter = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(squatter.close)
        self.serve(address, self.local(), status_group="games")
        wait_for("the other one", self.status_answers)
        self.wait_log(f"listening at {address}: Address already in use")
        squatter.close()
        self.assertIn("efs_watchdog_up 1\n", wait_for("the one that was taken", self.answered))

    def test_one_that_is_none_is_told_in_the_log(self):
        self.serve("0.0.0.0:9633", self.local(), status_group="games")
        wait_for("the other one", self.status_answers)
        self.wait_log("0.0.0.0 can be reached from other hosts")

    def test_why_none_is_served_is_told_in_the_log(self):
        self.serve(self.local(), status_group="nogroupofthisname")
        self.wait_log("there is no group nogroupofthisname")
        self.wait_log("efsctl metrics has ended")

    def test_a_living_servers_socket_is_left_to_it(self):
        with local_listener(self.socket) as living:
            done = subprocess.run([program("efsctl"), "metrics", "--state-dir", self.state_dir, "--until-eof", "--listen",
                                   self.local()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT)
            self.assertIn("somebody answers there", done.stderr)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.socket)
                living.accept()[0].close()

    def test_a_dead_servers_socket_is_replaced(self):
        local_listener(self.socket).close()
        self.serve(self.local(), status_group="games")
        wait_for("the server", self.status_answers)
        self.assertEqual(os.stat(self.socket).st_mode & 0o777, 0o660)


class Ends(Served):
    def test_a_server_that_stands_still_is_replaced_when_its_keys_change(self):
        self.serve(self.tcp())
        wait_for("the server", self.answered)
        stopped = self.server_pid()
        os.kill(stopped, signal.SIGSTOP)
        self.set_config(f"metrics_listen = {self.tcp()}\n")
        wait_for("the next one", self.answered)
        wait_for("the end of the first", lambda: not alive(stopped))

    def cut_short(self, answer):
        """What efsctl status makes of a server that sends only this."""
        with local_listener(self.socket) as listener:
            def answer_once():
                link = listener.accept()[0]
                link.recv(4096)
                link.sendall(answer)
                link.close()
            thread = threading.Thread(target=answer_once)
            thread.start()
            done = self.status()
            thread.join()
        os.unlink(self.socket)
        return done

    def test_an_answer_cut_short_is_none(self):
        body = "no EFS mounts\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nEfs-Exit: 0\r\n\r\n"
        whole = self.cut_short((head + body).encode())
        self.assertEqual((whole.returncode, whole.stdout), (0, body))
        for bytes_sent in (0, 5, len(head) - 1, len(head), len(head) + len(body) - 1):
            with self.subTest(bytes_sent):
                done = self.cut_short((head + body).encode()[:bytes_sent])
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("gave no answer", done.stderr)

    def test_a_server_that_is_busy_is_waited_for(self):
        with local_listener(self.socket, backlog=0) as listener:
            waiting = socket.socket(socket.AF_UNIX)
            waiting.connect(self.socket)
            self.addCleanup(waiting.close)
            process = subprocess.Popen(["setpriv", "--reuid=65534", f"--regid={GROUP}", "--clear-groups", program("efsctl"),
                                        "status", "--socket", self.socket], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
            stays("it waits", lambda: process.poll() is None, 0.5)
            listener.settimeout(WAIT)
            listener.accept()[0].close()
            with listener.accept()[0] as link:
                link.settimeout(WAIT)
                link.recv(4096)
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nEfs-Exit: 0\r\n\r\nok\n")
            out, err = process.communicate(timeout=WAIT)
        self.assertEqual((process.returncode, out, err), (0, "ok\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
