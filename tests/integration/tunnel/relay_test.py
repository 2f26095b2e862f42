"""Bytes: everything arrives, unchanged, in both directions at once, through TLS by stunnel and
through plain TCP; a slow reader costs no memory; the end of one side reaches the other; and a dead
upstream resets the client, so that the kernel reconnects and replays (TUN-9)."""
import os
import signal
import socket
import ssl
import threading
import unittest

from efs_test.processes import free_port
from efs_test.servers import Server, echo, pattern, receive, receive_all, reset_on_close
from efs_test.tls_peers import secured, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import WAIT

SIZE = 48 << 20


class Relay(TunnelTest):
    def through(self, serve, tls):
        backend = self.keep(Server(serve))
        target = self.keep(stunnel(backend.port)).port if tls else backend.port
        return backend, self.keep(Tunnel(target, tls=tls))

    def each_way(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                yield tls

    def test_carries_bulk_data_both_ways_at_once(self):
        for tls in self.each_way():
            got, down = [], pattern(SIZE, "down")

            def serve(connection):
                sender = threading.Thread(target=connection.sendall, args=(down,))
                sender.start()
                got.append(receive(connection, SIZE))
                sender.join()
                connection.sendall(b"!")

            _, tunnel = self.through(serve, tls)
            up = pattern(SIZE, "up")
            with tunnel.connect() as client:
                sender = threading.Thread(target=client.sendall, args=(up,))
                sender.start()
                self.assertEqual(receive(client, SIZE), down)
                sender.join()
                self.assertEqual(receive(client, 1), b"!")
            self.assertEqual(got[0], up)

    def test_passes_the_clients_half_close_and_goes_on_reading(self):
        # RFC 8446 section 6.1: close_notify ends one direction. TLS 1.2 lets a server stop then (RFC
        # 5246 section 7.2.1); one that goes on is heard. Not behind stunnel: when it has passed our
        # end on, the end of its backend is a hang-up to it (POLLHUP), and what it has not read by
        # then is dropped ("Read socket closed (HUP)", fewer bytes sent to TLS than the backend
        # wrote), with any client.
        data = pattern(3 << 20)

        def serve(connection):
            got = receive_all(connection)  # ends only with the client's half-close
            connection.sendall(got[::-1])

        for version in (None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                backend = self.keep(Server(serve if version is None else secured(serve, version)))
                tunnel = self.keep(Tunnel(backend.port, tls=version is not None))
                with tunnel.connect() as client:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(receive_all(client), data[::-1])
                tunnel.wait_log("client closed")
                self.assertEqual(backend.errors, [])

    def test_delivers_all_the_server_sent_before_it_closed(self):  # TUN-9
        data = pattern(5 << 20)

        def serve(connection):
            receive(connection, 1)
            connection.sendall(data)

        for tls in self.each_way():
            _, tunnel = self.through(serve, tls)
            with tunnel.connect() as client:
                client.sendall(b"x")
                self.assertEqual(receive_all(client), data)

    def test_carries_a_record_larger_than_the_old_limit(self):  # TUN-13
        backend, tunnel = self.through(echo, tls=True)
        size = (1 << 20) + 8192  # upstream's proxy exited at 1 MiB + 4 KiB
        record = (0x80000000 | size).to_bytes(4, "big") + pattern(size)
        with tunnel.connect() as client:
            sender = threading.Thread(target=client.sendall, args=(record,))
            sender.start()
            self.assertEqual(receive(client, len(record)), record)
            sender.join()

    def test_a_slow_reader_stops_the_sender_and_costs_no_memory(self):
        for tls in self.each_way():
            go, done = threading.Event(), []

            def serve(connection):
                receive(connection, 1)
                go.wait(WAIT)
                done.append(len(receive(connection, SIZE)))

            _, tunnel = self.through(serve, tls)
            with tunnel.connect() as client:
                client.sendall(b"x")
                tunnel.wait_stage("secured" if tls else "connected")
                before = tunnel.memory_kib()
                client.setblocking(False)
                chunk, sent = bytes(1 << 20), 0
                try:
                    while sent < SIZE:
                        client.settimeout(0.5)  # full when nothing moves for that long
                        sent += client.send(chunk[:SIZE - sent])
                except TimeoutError:
                    pass
                self.assertLess(sent, SIZE, "nothing held the sender back")
                grown = tunnel.memory_kib() - before
                if not tunnel.sanitized():
                    self.assertLess(grown, 2048, "KiB more while the reader stood still")
                client.settimeout(WAIT)
                go.set()
                client.sendall(bytes(SIZE - sent))
                client.shutdown(socket.SHUT_WR)
                receive_all(client)
            self.assertEqual(done, [SIZE])

    def test_serves_many_connections_at_once(self):  # TUN-7
        for tls in self.each_way():
            _, tunnel = self.through(echo, tls)
            clients = [tunnel.connect() for _ in range(40)]
            for number, client in enumerate(clients):
                client.sendall(pattern(1000, number))
            for number, client in enumerate(clients):
                self.assertEqual(receive(client, 1000), pattern(1000, number))
                client.close()

    def test_a_new_connection_wins_at_the_limit(self):  # contract 25 item 20
        backend, tunnel = self.through(echo, tls=False)
        clients = []
        for _ in range(64):
            client = tunnel.connect()
            self.addCleanup(client.close)
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
            clients.append(client)
        clients[0].sendall(b"y")
        self.assertEqual(receive(clients[0], 1), b"y")
        with tunnel.connect() as late:
            late.sendall(b"x")
            self.assertEqual(receive(late, 1), b"x")
        self.assertReset(clients[1])  # quiet for longest
        clients[0].sendall(b"y")
        self.assertEqual(receive(clients[0], 1), b"y")

    def test_silent_strangers_give_way_to_a_client(self):
        backend, tunnel = self.through(echo, tls=False)
        strangers = [tunnel.connect() for _ in range(64)]
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
        self.assertReset(strangers[0])
        for stranger in strangers:
            stranger.close()

    def test_an_upstream_killed_mid_transfer_resets_the_client(self):  # TUN-9
        for tls in self.each_way():
            killed = threading.Event()

            def serve(connection):
                connection.settimeout(0.05)
                while not killed.is_set():
                    try:
                        connection.send(bytes(65536))
                    except TimeoutError:
                        pass  # the client reads nothing now
                reset_on_close(connection)

            backend = self.keep(Server(serve))
            peer = self.keep(stunnel(backend.port)) if tls else None
            tunnel = self.keep(Tunnel(peer.port if tls else backend.port, tls=tls))
            with tunnel.connect() as client:
                client.sendall(b"x")
                receive(client, 100000)
                if tls:
                    os.killpg(peer.process.pid, signal.SIGKILL)
                else:
                    killed.set()
                self.assertReset(client)
            tunnel.wait_log("ended after")
            with tunnel.connect():  # TUN-9: still listening
                pass

    def test_a_client_that_resets_ends_its_upstream(self):
        ended = threading.Event()

        def serve(connection):
            try:
                receive_all(connection)
            finally:
                ended.set()

        _, tunnel = self.through(serve, tls=True)
        client = tunnel.connect()
        client.sendall(b"x")
        tunnel.wait_stage("secured")
        reset_on_close(client)
        client.close()
        self.assertTrue(ended.wait(WAIT))
        tunnel.wait_log("client: ")

    def test_asks_dns_anew_and_tries_all_addresses(self):  # TUN-10
        # "localhost" has ::1 and 127.0.0.1; only the latter listens.
        backend = self.keep(Server(echo))
        tunnel = self.keep(Tunnel(backend.port, host="localhost"))
        for _ in range(2):
            with tunnel.connect() as client:
                client.sendall(b"x")
                self.assertEqual(receive(client, 1), b"x")
            tunnel.wait_stage("resolved")

    def test_an_unknown_name_is_a_dns_failure(self):
        tunnel = self.keep(Tunnel(2049, host="no-such-host.invalid"))
        with tunnel.connect() as client:
            client.sendall(b"x")
            status = tunnel.wait_stage("failed")
            self.assertReset(client)
        self.assertEqual(status[1], "resolved")
        self.assertIn("no-such-host.invalid", status[3])

    def test_a_refused_connection_resets_the_client_and_the_next_one_works(self):  # TUN-6
        port = free_port()
        tunnel = self.keep(Tunnel(port))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["connected", "refused"])
            self.assertReset(client)
        self.keep(Server(echo, port))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")

    def test_a_server_that_closes_at_once_is_no_silent_failure(self):
        server = self.keep(Server(lambda connection: connection.recv(1)))
        tunnel = self.keep(Tunnel(server.port))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(tunnel.wait_stage("failed")[1:3], ["accepted", "reset"])
            self.assertReset(client)


if __name__ == "__main__":
    unittest.main()
