"""Several addresses and a DNS that is wrong, in namespaces of the test's own: an address that connects
and then hangs or closes does not keep a good one waiting, neither the first time nor ever again; and
what DNS says does not end a mount whose server is where it was and proves it."""
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from efs_test.servers import Server, echo, receive, receive_all
from efs_test.tls_peers import NAME, Certificates, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, wait_for

BAD, GOOD = "127.0.0.2", "127.0.0.3"
STAGGER = 0.25  # seconds that an address has before the next one is tried, too
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
TYPE_A = 1


class Dns:
    """A DNS server over UDP and TCP on port 53 of one address: A records from a table, or an error."""

    def __init__(self, host="127.0.0.1"):
        self.names, self.rcode, self.truncate = {}, NOERROR, False
        self.questions, self.ended, self.silent = 0, False, False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, 53))
        self.tcp = socket.create_server((host, 53))
        self.threads = [threading.Thread(target=serve, daemon=True)
                        for serve in (self._serve_udp, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def _serve_udp(self):
        while not self.ended:
            question, peer = self.udp.recvfrom(1500)
            if question and not self.silent:
                self.udp.sendto(self._answer(question, self.truncate), peer)

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                while head := receive(connection, 2):
                    answer = self._answer(receive(connection, struct.unpack("!H", head)[0]), False)
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, question, truncate):
        self.questions += 1
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, = struct.unpack_from("!H", question, at + 1)
        addresses = self.names.get(".".join(labels).lower())
        code = self.rcode or (NXDOMAIN if addresses is None else NOERROR)
        records = b""
        for ip in (addresses or []) if kind == TYPE_A and code == NOERROR and not truncate else []:
            records += b"\xc0\x0c" + struct.pack("!HHIH", TYPE_A, 1, 60, 4) + socket.inet_aton(ip)
        flags = 0x8180 | code | (0x0200 if truncate else 0)
        return (question[:2] + struct.pack("!HHHHH", flags, 1, len(records) // 16, 0, 0) +
                question[12:at + 5] + records)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        for end in (self.udp, self.tcp):
            try:
                end.shutdown(socket.SHUT_RDWR)  # wakes who waits there
            except OSError:
                pass
        # Port 53 is free for the next test when nobody waits there any more.
        for thread in self.threads:
            thread.join()
        for end in (self.udp, self.tcp):
            end.close()


def resolv_conf(*servers):
    with open(os.path.join(Certificates.get().dir, "resolv.conf"), "w") as out:
        out.writelines(f"nameserver {server}\n" for server in servers)


def hang(connection):
    """Takes the connection and says nothing."""
    receive_all(connection)


def close_at_once(_):
    pass


def say_nonsense(connection):
    connection.sendall(b"220 mail\r\n" * 9)
    receive_all(connection)


def close_after_a_byte(connection):
    connection.recv(1)


class Addresses(TunnelTest):
    def setUp(self):
        resolv_conf("127.0.0.1")
        self.dns = self.keep(Dns())
        self.dns.names["target.test"] = [BAD, GOOD]
        self.slow = 0

    def exchange(self, tunnel):
        """How long a connection's first answer takes."""
        watch = Stopwatch()
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x", tunnel.log())
        self.slow += watch.passed() >= STAGGER
        return watch.own()

    def assertPreferred(self, tunnel, bad):
        """What served is tried first, so the bad one is not asked again: but where the good one has no time for its answer,
        which is no fault of the tunnel's."""
        self.slow = 0
        for _ in range(3):
            self.assertLess(self.exchange(tunnel), 2 * SCALE)
        self.assertLessEqual(bad.accepted, 1 + self.slow, tunnel.log())

    def meet_alone(self, tunnel, address):
        """A connection that ends badly there: beside another address a slow one would not be it."""
        both, self.dns.names["target.test"] = self.dns.names["target.test"], [address]
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertReset(client)
        self.dns.names["target.test"] = both

    def world(self, serve_bad, tls=True):
        """A bad server on the first address, a good one behind it; both on one port."""
        if tls:
            backend = self.keep(Server(echo))
            good = self.tls_at(backend)
        else:
            good = self.keep(Server(echo, host=GOOD))
        bad = self.keep(Server(serve_bad, port=good.port, host=BAD))
        return bad, good, self.keep(Tunnel(good.port, tls=tls, host="target.test"))

    def tls_at(self, backend, host=GOOD):
        """A TLS server on an address of its own: a TCP server there that passes on to stunnel."""
        inner = self.keep(stunnel(backend.port))

        def pass_on(connection):
            with socket.create_connection(("127.0.0.1", inner.port), timeout=WAIT) as other:
                def back():
                    try:
                        while data := other.recv(65536):
                            connection.sendall(data)
                        connection.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass

                thread = threading.Thread(target=back, daemon=True)
                thread.start()
                try:
                    while data := connection.recv(65536):
                        other.sendall(data)
                    other.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                thread.join(WAIT)

        return self.keep(Server(pass_on, host=host))

    def test_a_first_address_that_hangs_or_fails_in_tls_costs_a_quarter_of_a_second(self):
        for serve in (hang, close_at_once, say_nonsense, close_after_a_byte):
            with self.subTest(serve.__name__):
                bad, good, tunnel = self.world(serve)
                self.assertLess(self.exchange(tunnel), 3 * SCALE)
                self.assertEqual(bad.accepted, 1)
                self.assertPreferred(tunnel, bad)
                tunnel.stop()

    def test_an_address_with_a_strangers_certificate_gives_way(self):
        strange = Certificates.get().issue("stranger-at-bad", "/CN=x", f"DNS:{NAME}", stranger=True)
        backend = self.keep(Server(echo))
        good = self.tls_at(backend)
        inner = self.keep(stunnel(backend.port, server=strange))

        def pass_on(connection):
            with socket.create_connection(("127.0.0.1", inner.port), timeout=WAIT) as other:
                other.sendall(connection.recv(65536))
                connection.sendall(other.recv(65536))
                connection.recv(65536)

        bad = self.keep(Server(pass_on, port=good.port, host=BAD))
        tunnel = self.keep(Tunnel(good.port, tls=True, host="target.test"))
        self.assertLess(self.exchange(tunnel), 3 * SCALE)
        self.assertEqual(bad.accepted, 1)

    def test_an_address_that_fails_behind_the_handshake_goes_last(self):
        """It speaks TLS and ends before its first byte: only the next connection can know."""
        def end_at_once(connection):
            connection.recv(1)

        good_backend, bad_backend = self.keep(Server(echo)), self.keep(Server(end_at_once))
        good = self.tls_at(good_backend)
        bad_tls = self.keep(stunnel(bad_backend.port))

        def pass_on(connection):
            with socket.create_connection(("127.0.0.1", bad_tls.port), timeout=WAIT) as other:
                def back():
                    try:
                        while data := other.recv(65536):
                            connection.sendall(data)
                        connection.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
                threading.Thread(target=back, daemon=True).start()
                while data := connection.recv(65536):
                    other.sendall(data)

        bad = self.keep(Server(pass_on, port=good.port, host=BAD))
        tunnel = self.keep(Tunnel(good.port, tls=True, host="target.test"))
        self.meet_alone(tunnel, BAD)
        self.assertPreferred(tunnel, bad)

    def test_without_tls_an_address_that_closes_or_hangs_goes_last_too(self):
        bad, good, tunnel = self.world(close_after_a_byte, tls=False)
        self.meet_alone(tunnel, BAD)
        self.assertPreferred(tunnel, bad)

        hanging, _, tunnel = self.world(hang, tls=False)
        with tunnel.connect() as client:
            client.sendall(b"x")
            wait_for("the connection", lambda: hanging.accepted)
            tunnel.process.send_signal(signal.SIGUSR1)  # the watchdog's "reconnect": it stands still
            self.assertReset(client)
        self.assertPreferred(tunnel, hanging)

    def test_when_all_fail_the_error_is_of_the_one_that_came_farthest(self):
        self.dns.names["target.test"] = ["127.0.0.9", BAD]  # refuses; no TLS there
        bad = self.keep(Server(say_nonsense, host=BAD))
        tunnel = self.keep(Tunnel(bad.port, tls=True, host="target.test"))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["secured", "protocol"])
            self.assertReset(client)

    # ---- DNS that is wrong

    def good_world(self, **kwargs):
        backend = self.keep(Server(echo))
        good = self.tls_at(backend)
        self.dns.names["target.test"] = [GOOD]
        tunnel = self.keep(Tunnel(good.port, tls=True, host="target.test", **kwargs))
        self.exchange(tunnel)
        return tunnel

    def spoil(self, how):
        self.dns.rcode, self.dns.silent = NOERROR, how == "silent"
        self.dns.names["target.test"] = [GOOD]
        if how == "silent":
            pass
        elif how == "empty":
            self.dns.names["target.test"] = []
        elif how == "sinkhole":
            self.dns.names["target.test"] = ["127.0.0.9"]
        elif how == "zero":
            self.dns.names["target.test"] = ["0.0.0.0"]
        else:
            self.dns.rcode = how

    def test_a_wrong_answer_does_not_stop_a_reconnect(self):
        tunnel = self.good_world()
        for how in (NXDOMAIN, "empty", FORMERR, SERVFAIL, NOTIMP, REFUSED, 9, "sinkhole", "zero"):
            with self.subTest(how=how):
                self.spoil(how)
                self.assertLess(self.exchange(tunnel), 4 * SCALE)
        tunnel.wait_log("trying the address of the last connection")

    def test_a_successor_finds_the_server_where_a_killed_tunnel_had_it(self):
        """A watchdog replaces the tunnel of a mount that hangs: where DNS was the reason it hung for good then."""
        tunnel = self.good_world()
        for how in (SERVFAIL, NXDOMAIN, "empty", "silent"):
            with self.subTest(how=how):
                self.spoil(how)
                tunnel.process.kill()
                tunnel.process.wait()
                tunnel.process.stderr.close()
                os.close(tunnel.status_fd)
                tunnel.pending = b""
                tunnel.start()
                self.assertLess(self.exchange(tunnel), 8 * SCALE)
        tunnel.wait_log("trying the address of the last connection")

    def test_a_wrong_answer_counts_where_nobody_proves_who_the_server_is(self):
        for kwargs in ({"verify": 0}, {"check": ""}):
            with self.subTest(**kwargs):
                tunnel = self.good_world(**kwargs)
                self.spoil(NXDOMAIN)
                with tunnel.connect() as client:
                    client.sendall(b"x")
                    self.assertReset(client)
                self.spoil(NOERROR)
                tunnel.stop()

    def test_a_wrong_answer_before_any_connection_is_an_error(self):
        self.dns.rcode = NXDOMAIN
        tunnel = self.keep(Tunnel(2049, tls=True, host="target.test"))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["resolved", "not-found"])
            self.assertReset(client)

    def test_name_servers_that_refuse_cost_nothing(self):
        for servers in (["127.0.0.7", "127.0.0.1"], ["::1", "127.0.0.1"],
                        ["127.0.0.7", "::1", "127.0.0.8", "127.0.0.1"]):
            with self.subTest(servers=servers):
                resolv_conf(*servers)
                tunnel = self.good_world()

                def cost_nothing():
                    self.exchange(tunnel)
                    return tunnel.counters().connect_ms < 200
                # Each name would cost it; a busy machine costs now this one, now that one.
                wait_for("a connection without a wait", cost_nothing)
                tunnel.stop()

    def test_a_truncated_answer_is_asked_for_again_by_tcp(self):
        self.dns.truncate = True
        self.good_world()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root for namespaces; skipped")
        sys.exit(0)
    if "EFS_TEST_INSIDE" not in os.environ:
        os.environ["EFS_TEST_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    resolv_conf("127.0.0.1")
    subprocess.run(["mount", "--bind", os.path.join(Certificates.get().dir, "resolv.conf"),
                    "/etc/resolv.conf"], check=True)
    unittest.main()
