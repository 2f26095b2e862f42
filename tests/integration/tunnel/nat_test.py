"""NAT on loopback: a rule without "! -o lo" also rewrites the source of the kernel's own connections, and the tunnel sees
a peer that no socket has (issue 11, B17). With nftables, in a network namespace of the test's own."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from efs_test import machine
from efs_test.programs import run
from efs_test.servers import Server, receive
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import WAIT

NOBODY = 65534
# What MASQUERADE takes when lo is the way out: an address of the host that is not for this host alone.
ADDRESS = "10.9.0.1"
RULES = "table ip nat {\n chain after {\n type nat hook postrouting priority 100;\n %s\n }\n}\n"
CLIENT = """
import socket, sys
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=%d) as client:
        client.sendall(b"x")
        print(client.recv(1).decode() or "end")
except OSError as error:
    print(type(error).__name__)
""" % WAIT


def rewrite(rule):
    run("nft", RULES % rule)


class Nat(TunnelTest):
    def setUp(self):
        self.peers = []

        def serve(connection):
            self.peers.append(connection.getpeername()[0])
            while data := connection.recv(65536):
                connection.sendall(data)

        self.backend = self.keep(Server(serve))
        self.tunnel = self.keep(Tunnel(self.backend.port))
        self.addCleanup(run, "nft", "flush ruleset")

    def assertRewritten(self):
        with socket.create_connection(("127.0.0.1", self.backend.port), timeout=WAIT) as client:
            client.sendall(b"x")
            receive(client, 1)
        self.assertEqual(self.peers, [ADDRESS], "the rule does what is tested here")

    def answer(self):
        with self.tunnel.connect() as client:
            client.sendall(b"x")
            try:
                return receive(client, 1)
            except ConnectionError:
                return b"reset"

    def test_root_is_served_where_a_rule_masquerades_loopback(self):
        """The kernel's connections were closed without a word: each mount hung."""
        rewrite("masquerade")
        self.assertRewritten()
        self.assertEqual(self.answer(), b"x", self.tunnel.log())

    def test_another_user_is_refused_there_as_well(self):
        rewrite("masquerade")
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c", CLIENT,
                               str(self.tunnel.port)], capture_output=True, text=True, timeout=2 * WAIT)
        self.assertEqual(done.stdout.strip(), "ConnectionResetError", done.stderr)
        self.tunnel.wait_log("belongs to uid 65534")
        self.assertEqual(self.backend.accepted, 0)

    def test_whom_no_look_finds_is_told_once_with_the_likely_cause(self):
        """Where the port is rewritten as well nothing leads back to the socket."""
        rewrite("ip protocol tcp snat to 10.9.0.1:40000-40999")
        client = self.tunnel.connect()
        self.addCleanup(client.close)
        # Its bytes are there when it is accepted.
        os.kill(self.tunnel.pid, signal.SIGSTOP)
        late = [self.tunnel.connect() for _ in range(3)]
        for one in late:
            self.addCleanup(one.close)
            one.sendall(b"x")
        os.kill(self.tunnel.pid, signal.SIGCONT)
        self.tunnel.wait_log("Does NAT rewrite loopback addresses?")
        for one in late:
            self.assertEqual(self.end_of(one), b"")
        self.assertEqual(self.tunnel.log().count("Does NAT rewrite"), 1)
        self.assertEqual(self.backend.accepted, 0)

    def end_of(self, client):
        try:
            return client.recv(1)
        except ConnectionError:
            return b""


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which("nft") is None:
        print("needs root for namespaces, and nft; skipped")
        sys.exit(0)
    machine.enter()
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    run("ip", "addr", "add", ADDRESS + "/24", "dev", "v0")
    for link in ("v0", "v1"):
        run("ip", "link", "set", link, "up")
    unittest.main()
