"""Never stuck: the page of counters tells what goes on without waking the tunnel, the reconnect
signal drops what stands still, a server that dies with calls outstanding resets the client so that
the kernel replays (TUN-9), and attempts that fail are paced (contract 25 item 20)."""
import os
import signal
import stat
import struct
import threading
import time
import unittest

from efs_test.processes import free_port
from efs_test.servers import Server, receive, reset_on_close
from efs_test.tls_peers import stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, wait_for

CALL, REPLY = 0, 1
IDLE, CONNECTING, SECURING, CONNECTED = range(4)


def record(xid, direction, size=40):
    return struct.pack("!III", 0x80000000 | (8 + size), xid, direction) + bytes(size)


def receive_record(connection):
    head = receive(connection, 4)
    if len(head) < 4:
        return None
    return receive(connection, struct.unpack("!I", head)[0] & 0x7FFFFFFF)


def answer_calls(connection):
    while message := receive_record(connection):
        xid, direction = struct.unpack("!II", message[:8])
        if direction == CALL:
            connection.sendall(record(xid, REPLY))


class Half:
    """Answers calls with even ids only, until release()."""

    def __init__(self):
        self.go, self.got = threading.Event(), threading.Semaphore(0)

    def serve(self, connection):
        while message := receive_record(connection):
            xid, = struct.unpack("!I", message[:4])
            if xid % 2 == 0:
                connection.sendall(record(xid, REPLY))
            self.got.release()


def wake_ups(pid):
    with open(f"/proc/{pid}/status") as status:
        return sum(int(line.split()[1]) for line in status if "voluntary_ctxt" in line)


class Page(TunnelTest):
    def test_shows_calls_bytes_and_times(self):
        server = Half()
        backend = self.keep(Server(server.serve))
        tunnel = self.keep(Tunnel(backend.port))
        begun = tunnel.counters()
        self.assertEqual((begun.version, begun.pid, begun.upstream_state, begun.calls),
                         (1, tunnel.pid, IDLE, 0))
        with tunnel.connect() as client:
            before = tunnel.counters().now()
            client.sendall(record(2, CALL) + record(1, CALL) + record(4, CALL))
            receive_record(client), receive_record(client)
            page = wait_for("two replies", lambda: (p := tunnel.counters()).replies == 2 and p)
            self.assertEqual((page.calls, page.outstanding, page.connections_open), (3, 1, 1))
            self.assertEqual((page.upstream_state, page.reconnects), (CONNECTED, 0))
            self.assertEqual((page.bytes_up, page.bytes_down), (3 * 52, 2 * 52))
            self.assertEqual(page.upstream, f"127.0.0.1:{backend.port}")
            self.assertTrue(before <= page.oldest_call <= page.silent_since <= page.now())
            self.assertEqual(page.silent_since, max(page.last_upstream_byte, page.oldest_call))
            self.assertEqual(page.last_client_byte, page.oldest_call)
        page = wait_for("the end", lambda: (p := tunnel.counters()).connections_open == 0 and p)
        self.assertEqual((page.outstanding, page.oldest_call, page.silent_since), (0, 0, 0))
        self.assertEqual((page.calls, page.bytes_up, page.upstream_state), (3, 3 * 52, IDLE))

    def test_a_stuck_call_is_seen_without_waking_the_tunnel(self):  # issue: counters of item 2
        server = Half()
        backend = self.keep(Server(server.serve))
        tunnel = self.keep(Tunnel(backend.port))
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            server.got.acquire(timeout=WAIT)
            # The look every idle_look seconds goes on while the buffers are held, then it ends.
            wait_for("a quiet tunnel", lambda: tunnel.memory_kib() and self.quiet(tunnel))
            before, first = wake_ups(tunnel.pid), tunnel.counters()
            for _ in range(50):
                page = tunnel.counters()
            self.assertEqual(wake_ups(tunnel.pid), before)
            self.assertEqual(page.silent_since, first.silent_since)
            self.assertGreater(page.now() - page.silent_since, 1000)
            self.assertEqual(page.outstanding, 1)

    @staticmethod
    def quiet(tunnel):
        before = wake_ups(tunnel.pid)
        pause("longer than idle_look; looking does not wake it", 2.5)
        return wake_ups(tunnel.pid) == before

    def test_is_readable_while_the_tunnel_is_stopped(self):
        tunnel = self.keep(Tunnel(1))
        os.kill(tunnel.pid, signal.SIGSTOP)
        try:
            self.assertEqual(tunnel.counters().pid, tunnel.pid)
        finally:
            os.kill(tunnel.pid, signal.SIGCONT)

    def test_calls_of_the_server_are_not_outstanding(self):  # RFC 8881 section 2.10.3.1
        done = threading.Event()

        def serve(connection):
            receive_record(connection)
            connection.sendall(record(1, REPLY) + record(77, CALL))
            receive_record(connection)
            done.set()

        backend = self.keep(Server(serve))
        tunnel = self.keep(Tunnel(backend.port))
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            receive_record(client), receive_record(client)
            wait_for("the server's call", lambda: tunnel.counters().backchannel_calls == 1)
            self.assertEqual(tunnel.counters().outstanding, 0)
            client.sendall(record(77, REPLY))
            self.assertTrue(done.wait(WAIT))
            page = tunnel.counters()
            self.assertEqual((page.calls, page.replies, page.outstanding), (1, 1, 0))

    def test_names_tls_certificate_and_durations(self):
        backend = self.keep(Server(answer_calls))
        server = self.keep(stunnel(backend.port))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertGreater(tunnel.counters().certificate_end, time.time())
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            receive_record(client)
            page = wait_for("the reply", lambda: (p := tunnel.counters()).replies and p)
            self.assertRegex(page.tls, r"^TLSv1\.3 TLS_")
            self.assertGreaterEqual(page.handshake_ms, 1)
            self.assertLess(page.connect_ms + page.handshake_ms + page.first_byte_ms, WAIT * 1000)

    def test_is_for_root_alone_and_goes_with_the_tunnel(self):
        tunnel = self.keep(Tunnel(1))
        path = tunnel.counters_path
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertTrue(path.endswith(f".{tunnel.port}"), "reserves the port (NFS-9)")
        tunnel.process.send_signal(signal.SIGTERM)
        tunnel.process.wait(WAIT)
        self.assertFalse(os.path.exists(path))

    def test_a_tunnel_that_cannot_start_leaves_a_running_ones_page_alone(self):
        tunnel = self.keep(Tunnel(1))
        second = Tunnel(1, start=False)
        self.addCleanup(second.stop)
        second.argv = tunnel.argv
        second.start(wait=False)
        self.assertEqual(second.process.wait(WAIT), 1)
        self.assertEqual(tunnel.counters().pid, tunnel.pid)

    def test_no_room_for_the_page_is_no_reason_not_to_serve(self):
        tunnel = Tunnel(1, start=False)
        self.addCleanup(tunnel.stop)
        os.makedirs(os.path.join(tunnel.counters_path, "in the way"))
        tunnel.start()
        tunnel.wait_log("No counters")
        tunnel.connect().close()


class Stuck(TunnelTest):
    def test_a_server_that_dies_with_calls_outstanding_resets_the_client(self):  # TUN-9
        for tls in (False, True):
            for how in ("close", "reset"):
                with self.subTest(tls=tls, how=how):
                    server, connections = Half(), []

                    def serve(connection):
                        connections.append(connection)
                        server.serve(connection)

                    backend = self.keep(Server(serve))
                    target = self.keep(stunnel(backend.port)).port if tls else backend.port
                    tunnel = self.keep(Tunnel(target, tls=tls))
                    with tunnel.connect() as client:
                        client.sendall(record(2, CALL) + record(1, CALL))
                        receive_record(client)
                        server.got.acquire(timeout=WAIT), server.got.acquire(timeout=WAIT)
                        if how == "reset":
                            reset_on_close(connections[0])
                        connections[0].shutdown(2)
                        self.assertReset(client)
                    # The kernel comes back and replays; nothing is held back.
                    with tunnel.connect() as client:
                        client.sendall(record(2, CALL))
                        self.assertEqual(len(receive_record(client)), 48)
                    page = wait_for("the page", lambda: (p := tunnel.counters()).reconnects and p)
                    self.assertEqual(page.reconnects, 1)
                    self.assertTrue(page.error)

    def test_the_reconnect_signal_drops_all_and_asks_dns_again(self):
        server = Half()
        backend = self.keep(Server(server.serve))
        tunnel = self.keep(Tunnel(backend.port, host="localhost"))
        silent = tunnel.connect()
        self.addCleanup(silent.close)
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            server.got.acquire(timeout=WAIT)
            tunnel.process.send_signal(signal.SIGUSR1)
            self.assertReset(client)
        tunnel.wait_log("Reconnecting on request: 1 connection(s) dropped")
        tunnel.wait_stage("resolved")
        silent.sendall(record(2, CALL))  # said nothing, lost nothing
        self.assertEqual(len(receive_record(silent)), 48)
        tunnel.wait_stage("resolved")

    def test_the_reconnect_signal_without_connections_is_harmless(self):
        tunnel = self.keep(Tunnel(1))
        tunnel.process.send_signal(signal.SIGUSR1)
        tunnel.wait_log("Reconnecting on request: 0")
        tunnel.connect().close()

    def test_a_new_connection_does_not_wait_for_a_stuck_one(self):
        server = Half()
        backend = self.keep(Server(server.serve))
        tunnel = self.keep(Tunnel(backend.port))
        stuck = tunnel.connect()
        self.addCleanup(stuck.close)
        stuck.sendall(record(1, CALL))
        server.got.acquire(timeout=WAIT)
        half_sent = tunnel.connect()  # a record without its end
        self.addCleanup(half_sent.close)
        half_sent.sendall(record(3, CALL)[:9])
        with tunnel.connect() as client:

            def answered_while_the_other_is_stuck():
                client.sendall(record(2, CALL))
                self.assertEqual(len(receive_record(client)), 48)
                page = tunnel.counters()
                return 0 < page.silent_since < page.last_upstream_byte

            # The page counts milliseconds, and a first answer may come within the one in which the stuck call was sent: ask again.
            wait_for("an answer after the stuck call", answered_while_the_other_is_stuck)

    def attempt(self, tunnel):
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            self.assertReset(client)

    def test_failing_attempts_are_paced_and_the_first_success_ends_that(self):
        port = free_port()
        tunnel = self.keep(Tunnel(port))
        began = time.monotonic()
        for _ in range(6):
            self.attempt(tunnel)
        # The second attempt comes 25 to 50 ms behind the first, the sixth 400 to 800 ms behind the fifth: whoever begins it
        # later than that waits for nothing, so the sum is what tells.
        self.assertGreater(time.monotonic() - began, 0.7)
        page = tunnel.counters()
        self.assertEqual(page.attempts_failed, 6)
        self.assertGreater(page.error_time, page.unreachable_since)
        self.assertIn("refused", page.error)
        self.keep(Server(answer_calls, port))
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            self.assertEqual(len(receive_record(client)), 48)
        wait_for("the success", lambda: tunnel.counters().attempts_failed == 0)
        self.assertEqual(tunnel.counters().unreachable_since, 0)

    def test_the_reconnect_signal_ends_a_pause(self):
        port = free_port()
        tunnel = self.keep(Tunnel(port))
        for _ in range(7):
            self.attempt(tunnel)
        self.keep(Server(answer_calls, port))
        with tunnel.connect() as waiting:
            before = tunnel.log().count("next attempt in")
            waiting.sendall(record(1, CALL))
            wait_for("the pause", lambda: tunnel.log().count("next attempt in") > before)
            tunnel.process.send_signal(signal.SIGUSR1)
            self.assertReset(waiting)
        watch = Stopwatch()
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            self.assertEqual(len(receive_record(client)), 48)
        # The pause would go on for seconds.
        self.assertLess(watch.own(), 1.0 * SCALE)

    def test_a_stream_that_is_no_rpc_goes_on_unmeasured(self):  # TUN-13
        def serve(connection):
            while data := connection.recv(65536):
                connection.sendall(data)

        backend = self.keep(Server(serve))
        tunnel = self.keep(Tunnel(backend.port))
        with tunnel.connect() as client:
            client.sendall(b"\xff\xff\xff\xff and so on")
            self.assertEqual(receive(client, 14), b"\xff\xff\xff\xff and so on")
            page = wait_for("unmeasured", lambda: (p := tunnel.counters()).unmeasured and p)
            self.assertEqual((page.unmeasured, page.outstanding, page.silent_since), (1, 0, 0))
            tunnel.wait_log("cannot be followed")


if __name__ == "__main__":
    unittest.main()
