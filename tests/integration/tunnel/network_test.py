"""A network that misbehaves, in network and mount namespaces of the test's own: an address that
never answers costs a quarter of a second, a server that vanishes is noticed within half a minute,
and a server that is only slow is left alone, however long it does not read (TUN-9)."""
import os
import socket
import subprocess
import sys
import threading
import unittest

from efs_test import machine
from efs_test.programs import run
from efs_test.servers import Server, echo, receive, receive_all
from efs_test.tls_peers import Certificates, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, wait_for

USER_TIMEOUT = 25  # seconds; net::KeepAlive


class Network(TunnelTest):
    def test_an_address_that_never_answers_costs_a_quarter_of_a_second(self):  # RFC 8305
        hosts = os.path.join(Certificates.get().dir, "hosts")
        with open(hosts, "w") as out:
            # 10.9.0.99 has a neighbour entry and nobody behind it.
            out.write("10.9.0.99 two.example\n10.9.0.1 two.example\n127.0.0.1 localhost\n")
        run("mount", "--bind", hosts, "/etc/hosts")
        self.addCleanup(run, "umount", "/etc/hosts")
        backend = self.keep(Server(echo, host="10.9.0.1"))
        tunnel = self.keep(Tunnel(backend.port, host="two.example"))
        watch = Stopwatch()
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
        self.assertLess(watch.own(), 3 * SCALE)
        self.assertEqual(tunnel.wait_stage("resolved")[1], "10.9.0.99,10.9.0.1")
        self.assertTrue(tunnel.wait_stage("connected")[1].startswith("10.9.0.1:"))
        # The winner is remembered: the dead address costs nothing the next time.
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
        self.assertEqual(tunnel.wait_stage("resolved")[1], "10.9.0.1,10.9.0.99")

    def test_no_address_answering_is_a_timeout_and_the_tunnel_goes_on(self):  # TUN-6
        tunnel = self.keep(Tunnel(2049, host="10.9.0.99"))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["connected", "timeout"])
            self.assertReset(client)
        tunnel.connect().close()

    def test_a_tls_handshake_that_stands_still_is_a_timeout(self):
        backend = self.keep(Server(lambda connection: receive_all(connection)))
        tunnel = self.keep(Tunnel(backend.port, tls=True))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["secured", "timeout"])

    def slow_server(self, tls):
        """Does not read for longer than TCP_USER_TIMEOUT while the client floods it."""
        size, done, begun = 32 << 20, [], threading.Event()

        def serve(connection):
            connection.settimeout(4 * WAIT)
            begun.wait(WAIT)
            pause("a server that does not read for longer than TCP_USER_TIMEOUT", USER_TIMEOUT + 8)
            done.append(len(receive(connection, size)))

        backend = self.keep(Server(serve))
        target = self.keep(stunnel(backend.port)).port if tls else backend.port
        tunnel = self.keep(Tunnel(target, tls=tls))
        with tunnel.connect() as client:
            client.settimeout(4 * WAIT)
            begun.set()
            client.sendall(bytes(size))
            client.shutdown(socket.SHUT_WR)
            receive_all(client)
        return done == [size], tunnel.log()

    def vanished_server(self):
        """The server's machine loses its network in the middle of a conversation."""
        script = ("import signal,socket,sys\n"
                  "signal.alarm(100)\n"
                  "s=socket.create_server(('10.9.0.2',2049)); print('up', flush=True)\n"
                  "c,_=s.accept()\n"
                  "while True: c.sendall(c.recv(1000) or sys.exit())\n")
        other = subprocess.Popen(["unshare", "-n", "sh", "-c", "read go; ip link set lo up; "
                                  "ip addr add 10.9.0.2/24 dev v1; ip link set v1 up; "
                                  "exec " + sys.executable + " -c \"$0\"", script],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(lambda: (other.kill(), other.wait(WAIT), other.stdin.close(),
                                 other.stdout.close()))
        wait_for("unshare(1) in its new namespace", lambda: os.readlink(f"/proc/{other.pid}/ns/net") !=
                 os.readlink("/proc/self/ns/net"))
        run("ip", "link", "set", "v1", "netns", str(other.pid))
        other.stdin.write(b"go\n")
        other.stdin.flush()
        self.assertEqual(other.stdout.readline(), b"up\n")
        tunnel = self.keep(Tunnel(2049, host="10.9.0.2"))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
            run("ip", "link", "set", "v0", "down")
            # A second device takes the route, and behind it nobody answers: the packets get lost.
            run("ip", "link", "add", "v2", "type", "veth", "peer", "name", "v3")
            run("ip", "addr", "add", "10.9.0.1/24", "dev", "v2")
            for name in ("v2", "v3"):
                run("ip", "link", "set", name, "up")
            run("ip", "neigh", "replace", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev",
                    "v2")
            watch = Stopwatch()
            client.sendall(b"y")
            client.settimeout(3 * USER_TIMEOUT * SCALE)
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            seconds = watch.own()
            tunnel.wait_log("timed out")
            return seconds, tunnel.log()

    def test_slow_servers_are_left_alone_and_vanished_ones_given_up(self):
        results = {}
        threads = [threading.Thread(target=lambda: results.update(plain=self.slow_server(False))),
                   threading.Thread(target=lambda: results.update(tls=self.slow_server(True))),
                   threading.Thread(target=lambda: results.update(gone=self.vanished_server()))]
        for thread in threads:  # at once: each takes half a minute
            thread.start()
        for thread in threads:
            thread.join()
        for name in ("plain", "tls"):
            self.assertTrue(results[name][0], results[name][1])
        seconds, log = results["gone"]
        self.assertLess(seconds, USER_TIMEOUT + 10, log)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root for namespaces; skipped")
        sys.exit(0)
    machine.enter()  # where 10.9.0.1 is us
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    run("ip", "addr", "add", "10.9.0.1/24", "dev", "v0")
    for link in ("v0", "v1"):
        run("ip", "link", "set", link, "up")
    run("ip", "neigh", "add", "10.9.0.99", "lladdr", "02:00:00:00:00:99", "dev", "v0")
    unittest.main()
