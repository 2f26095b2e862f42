"""What a local user can do to the watchdog and to its mounts: nothing, even where an administrator opened the doors."""
import json
import os
import signal
import socket
import subprocess
import unittest

from efs_test.processes import alive
from efs_test.waiting import WAIT, stays, wait_for
from efs_test.watchdog import Mount, WatchdogBench

NOBODY = 65534
# Sends one request and prints what comes back.
ASK = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.settimeout(20)
link.connect(sys.argv[1])
try:
    link.send(sys.argv[2].encode())
    print(link.recv(65536).decode() or "closed")
except (ConnectionResetError, BrokenPipeError):
    print("closed")
"""
# Listens on a port under a tunnel's name, says so, and tells if somebody comes.
LISTEN = """
import ctypes, os, socket, sys
ctypes.CDLL(None).prctl(15, b"efs-proxy")
os.setgroups([]); os.setgid(65534); os.setuid(65534)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
server.accept()
print("caught", flush=True)
"""


class Strangers(WatchdogBench):
    def test_get_no_word_of_the_watchdog(self):
        self.start_watchdog()
        mount = self.mounted()
        self.wait_log("supervising the tunnel")
        path = os.path.join(self.state_dir, "watchdog.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        os.chmod(self.root, 0o755)
        os.chmod(self.state_dir, 0o755)
        os.chmod(path, 0o666)
        for request in ({"v": 1, "op": "ping"}, {"v": 1, "op": "status"}, {"v": 1, "op": "unmounted", "name": mount.name},
                        {"v": 1, "op": "listener", "name": mount.name}):
            done = subprocess.run(["/usr/bin/python3", "-c", ASK, path, json.dumps(request)], capture_output=True,
                                  text=True, timeout=2 * WAIT, check=False)
            self.assertEqual(done.stdout, "closed\n", done.stderr)
        self.wait_log("is not trusted", 4)
        self.assertTrue(alive(mount.process.pid))
        self.ask({"v": 1, "op": "ping"})

    def listener(self, port):
        process = subprocess.Popen(["/usr/bin/python3", "-c", LISTEN, str(port)], stdout=subprocess.PIPE, text=True)

        def stop():
            process.kill()
            process.stdout.close()
            process.wait(WAIT)

        self.addCleanup(stop)
        return process

    def test_do_not_get_the_port_of_a_dead_tunnel(self):
        """They would be the server for the kernel: the watchdog keeps the socket."""
        watchdog = self.start_watchdog()
        mount = self.mounted()
        mount.hand_over_listener()
        self.wait_log("supervising the tunnel")
        watchdog.send_signal(signal.SIGSTOP)
        mount.kill_tunnel()
        mount.process.wait()
        thief = self.listener(mount.port)
        self.assertEqual(thief.stdout.readline(), "", "it could not listen")
        watchdog.send_signal(signal.SIGCONT)
        mount.greeting()

    def test_that_listen_on_the_port_of_a_mount_are_taken_for_no_tunnel(self):
        """Where nobody kept the socket: they are told, and gone as soon as they leave the port."""
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        thief = self.listener(mount.port)
        self.assertEqual(thief.stdout.readline(), "listens\n")
        mount.publish()
        self.set_table([mount])
        self.start_watchdog()
        self.wait_log("%d" % mount.port)
        stays("no thief adopted", lambda: "supervising the tunnel with PID %d" % thief.pid not in self.log(), 3)
        self.assertTrue(alive(thief.pid), "and none killed")
        thief.kill()
        wait_for("its own tunnel", lambda: mount.starts() and self.serves(mount))

    def serves(self, mount):
        try:
            with socket.create_connection(("127.0.0.1", mount.port), timeout=WAIT) as client:
                return mount.greeting(client) == mount.tunnel_pid()
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
