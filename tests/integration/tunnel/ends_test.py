"""Connections that must end, and processes that start in a bad place: a client that is gone is not kept
for a server that does not read; no memory or no descriptor is said and outlived; SIGTERM leaves both
sides with the right kind of end (TUN-9); and whatever the starter left us (ignored signals, a mask,
limits, closed descriptors) changes nothing."""
import ctypes
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import threading
import unittest

from efs_test.servers import Server, echo, receive, receive_all, reset_on_close
from efs_test.tls_peers import secured, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, wait_for

CALL, REPLY = 0, 1
FULL = 64 << 20  # more than rings and socket buffers hold


def record(xid, direction, size=40):
    return struct.pack("!III", 0x80000000 | (8 + size), xid, direction) + bytes(size)


def large_calls():
    """WRITEs that are together larger than all buffers on their way."""
    return b"".join(record(xid, CALL, (1 << 20) - 8) for xid in range(1, FULL >> 20))


def fill(client):
    """Sends until nothing more is taken for a while, in which the tunnel would have had a processor for it."""
    data, sent = large_calls(), 0
    client.settimeout(0.1)
    watch = Stopwatch()
    while sent < len(data) and not watch.over(0.5):
        try:
            sent += client.send(data[sent:sent + (1 << 20)])
            watch = Stopwatch()
        except TimeoutError:
            pass
    client.settimeout(WAIT)
    assert sent < len(data), "nothing held the sender back"


class Gone(TunnelTest):
    def deaf(self, tls):
        """A server that reads nothing until it is told to."""
        go = threading.Event()
        self.addCleanup(go.set)

        def serve(connection):
            connection.recv(1)
            go.wait(2 * WAIT)
            receive_all(connection)

        backend = self.keep(Server(serve))
        target = self.keep(stunnel(backend.port)).port if tls else backend.port
        return self.keep(Tunnel(target, tls=tls))

    def test_a_client_that_resets_while_the_server_does_not_read_is_gone_at_once(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                tunnel = self.deaf(tls)
                clients = [tunnel.connect() for _ in range(3)]
                for client in clients:
                    fill(client)
                wait_for("the waiting calls", lambda: tunnel.counters().silent_since)
                for client in clients:
                    reset_on_close(client)
                    client.close()
                wait_for("the end of all", lambda: tunnel.counters().connections_open == 0, 3)
                page = tunnel.counters()
                self.assertEqual((page.silent_since, page.outstanding, page.oldest_call), (0, 0, 0))
                tunnel.wait_log("client: ")

    def test_a_client_that_closes_behind_bytes_nobody_reads_is_found_out(self):
        """Its FIN waits behind them: only the kernel's table tells."""
        for tls in (False, True):
            with self.subTest(tls=tls):
                tunnel = self.deaf(tls)
                client = tunnel.connect()
                fill(client)
                wait_for("the waiting call", lambda: tunnel.counters().silent_since)
                client.close()
                wait_for("the end", lambda: tunnel.counters().connections_open == 0, 8)
                tunnel.wait_log("closed by its owner")

    def test_a_client_that_ends_its_side_counts_as_nobody(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                tunnel = self.deaf(tls)
                with tunnel.connect() as client:
                    client.sendall(record(1, CALL))
                    wait_for("the waiting call", lambda: tunnel.counters().silent_since)
                    client.shutdown(socket.SHUT_WR)
                    wait_for("nobody", lambda: tunnel.counters().silent_since == 0, 3)
                    self.assertEqual(tunnel.counters().waiting_since, 0)

    def test_a_few_bytes_for_a_deaf_server_do_not_keep_a_client_that_resets(self):
        tunnel = self.deaf(False)
        client = tunnel.connect()
        fill(client)
        with tunnel.connect() as other:
            other.sendall(record(7, CALL))
            reset_on_close(client)
            client.close()
            wait_for("the other alone", lambda: tunnel.counters().connections_open == 1, 3)


class Scarce(TunnelTest):
    def limit(self, tunnel, what, soft):
        before = resource.prlimit(tunnel.pid, what)
        resource.prlimit(tunnel.pid, what, (soft, before[1]))
        return lambda: resource.prlimit(tunnel.pid, what, before)

    def no_memory(self, tls):
        backend = self.keep(Server(echo))
        target = self.keep(stunnel(backend.port)).port if tls else backend.port
        tunnel = self.keep(Tunnel(target, tls=tls))
        if tunnel.sanitized():
            self.skipTest("a sanitizer needs all the address space there is")
        client = self.keep(tunnel.connect())
        client.sendall(b"x" * 1000)
        self.assertEqual(receive(client, 1000), b"x" * 1000)
        # Rings are given back when nothing moves.
        size = tunnel.memory_kib("VmSize")
        wait_for("the buffers given back", lambda: tunnel.memory_kib("VmSize") < size)
        return tunnel, client, self.limit(tunnel, resource.RLIMIT_AS,
                                          (tunnel.memory_kib("VmSize") + 8) << 10)

    def test_without_memory_for_a_buffer_a_connection_waits_and_goes_on(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                tunnel, client, lift = self.no_memory(tls)
                client.sendall(b"y" * 1000)
                tunnel.wait_log("no memory for a buffer")
                lift()
                self.assertEqual(receive(client, 1000), b"y" * 1000)

    def test_without_memory_for_long_the_client_is_reset_and_told_why(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                tunnel, client, lift = self.no_memory(tls)
                client.sendall(b"y" * 1000)
                self.assertReset(client)
                tunnel.wait_log("no memory for its buffers")
                lift()
                with tunnel.connect() as again:
                    again.sendall(b"z")
                    self.assertEqual(receive(again, 1), b"z")

    def test_without_descriptors_dns_is_not_to_blame(self):
        backend = self.keep(Server(echo))
        for host in ("localhost", "name.test", "127.0.0.1"):
            with self.subTest(host=host):
                tunnel = self.keep(Tunnel(backend.port, host=host))
                tunnel.connect().close()
                tunnel.wait_log("port probe")
                # One is left for the client's connection.
                used = {int(fd) for fd in os.listdir(f"/proc/{tunnel.pid}/fd")}
                free = next(number for number in range(1024) if number not in used)
                lift = self.limit(tunnel, resource.RLIMIT_NOFILE, free + 1)
                with tunnel.connect() as client:
                    client.sendall(b"x")
                    status = tunnel.wait_stage("failed")
                    self.assertReset(client)
                lift()
                self.assertNotEqual(status[1], "resolved")
                self.assertEqual(status[2], "io")
                self.assertIn("Too many open files", status[3])
                self.assertNotIn("DNS servers", tunnel.log())
                self.assertNotIn("resolv.conf", tunnel.log().replace("/etc/resolv.conf: Too many", ""))


class Terminated(TunnelTest):
    def server(self, seen, version):
        """Notes how the connection ends: None in good order, else the error."""
        def serve(connection):
            try:
                while connection.recv(65536):
                    pass
                seen.append(None)
            except OSError as error:
                seen.append(error)

        return serve if version is None else secured(serve, version, answers_close=False)

    VERSIONS = (None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

    def test_sigterm_resets_who_waits_and_ends_the_server_in_good_order(self):  # TUN-9
        for version in self.VERSIONS:
            for signo in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(version=version, signo=signo):
                    seen = []
                    backend = self.keep(Server(self.server(seen, version)))
                    tunnel = self.keep(Tunnel(backend.port, tls=version is not None))
                    with tunnel.connect() as client:
                        client.sendall(record(1, CALL))
                        wait_for("the call", lambda: tunnel.counters().outstanding == 1)
                        tunnel.process.send_signal(signo)
                        self.assertReset(client)
                    wait_for("the server's end", lambda: seen)
                    self.assertEqual(seen, [None])
                    self.assertEqual(tunnel.process.wait(WAIT), 0)
                    tunnel.wait_log("the tunnel ends")

    def test_sigterm_closes_who_does_not_wait(self):
        for version in self.VERSIONS:
            with self.subTest(version=version):
                ends = []

                def serve(connection):
                    connection.recv(65536)
                    connection.sendall(record(1, REPLY))
                    self.server(ends, None)(connection)

                backend = self.keep(Server(
                    serve if version is None else secured(serve, version, answers_close=False)))
                tunnel = self.keep(Tunnel(backend.port, tls=version is not None))
                with tunnel.connect() as client, tunnel.connect() as silent:
                    client.sendall(record(1, CALL))
                    self.assertEqual(len(receive(client, 52)), 52)
                    wait_for("the reply", lambda: tunnel.counters().outstanding == 0)
                    tunnel.process.send_signal(signal.SIGTERM)
                    self.assertEqual(client.recv(1), b"")
                    self.assertEqual(silent.recv(1), b"")
                wait_for("the server's end", lambda: ends)
                self.assertEqual(ends, [None])

    def test_sigterm_resets_who_waits_for_an_upstream(self):
        hang = self.keep(Server(lambda connection: receive_all(connection)))
        tunnel = self.keep(Tunnel(hang.port, tls=True))
        with tunnel.connect() as client:
            client.sendall(record(1, CALL))
            tunnel.wait_stage("connected")
            tunnel.process.send_signal(signal.SIGTERM)
            self.assertReset(client)

    def test_sigterm_does_not_wait_for_a_server_that_reads_nothing(self):
        go = threading.Event()
        self.addCleanup(go.set)
        backend = self.keep(Server(lambda connection: (connection.recv(1), go.wait(WAIT))))
        for tls in (False, True):
            target = self.keep(stunnel(backend.port)).port if tls else backend.port
            tunnel = self.keep(Tunnel(target, tls=tls))
            with tunnel.connect() as client:
                fill(client)
                watch = Stopwatch()
                tunnel.process.send_signal(signal.SIGTERM)
                self.assertReset(client)
                self.assertEqual(tunnel.process.wait(WAIT), 0)
                self.assertLess(watch.own(), 3 * SCALE)


def signals(pid, field):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                mask = int(line.split()[1], 16)
                return {number for number in range(1, 65) if mask >> (number - 1) & 1}
    return set()


class Inherited(TunnelTest):
    """Started as a careless program would: mount.efs calls us, and who knows who calls that."""

    def start(self, target, prepare, tls=False, close=()):
        tunnel = Tunnel(target, tls=tls, start=False)
        self.addCleanup(tunnel.stop)
        status, write_end = os.pipe()

        def before():
            prepare()
            for fd in close:
                os.close(fd)

        tunnel.process = subprocess.Popen(
            tunnel.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=[write_end], env=dict(os.environ, EFS_STATUS_FD=str(write_end)),
            start_new_session=True, preexec_fn=before, restore_signals=False)
        os.close(write_end)
        tunnel.status_fd = status
        tunnel.wait_stage("listening")
        return tunnel

    def serves(self, tunnel):
        with tunnel.connect() as client:
            client.sendall(b"hello")
            self.assertEqual(receive(client, 5), b"hello")

    def test_ignored_and_blocked_signals(self):
        def careless():
            for signo in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1,
                          signal.SIGXFSZ):
                signal.signal(signo, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))

        backend = self.keep(Server(echo))
        tunnel = self.start(backend.port, careless)
        self.assertNotIn(signal.SIGCHLD, signals(tunnel.pid, "SigIgn"))
        self.assertLessEqual(signals(tunnel.pid, "SigIgn"), {signal.SIGPIPE, signal.SIGXFSZ})
        self.assertEqual(signals(tunnel.pid, "SigBlk"),
                         {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1,
                          signal.SIGUSR2})
        self.serves(tunnel)
        tunnel.process.send_signal(signal.SIGUSR1)
        tunnel.wait_log("Reconnecting on request")
        tunnel.process.send_signal(signal.SIGTERM)
        self.assertEqual(tunnel.process.wait(WAIT), 0)

    def test_closed_standard_descriptors(self):
        backend = self.keep(Server(echo))
        for close in ((0,), (2,), (0, 1, 2)):
            with self.subTest(close=close):
                tunnel = self.start(backend.port, lambda: None, close=close)
                for fd in close:
                    self.assertEqual(os.readlink(f"/proc/{tunnel.pid}/fd/{fd}"), "/dev/null")
                self.serves(tunnel)
                tunnel.stop()

    def test_small_limits(self):
        """Lifted up to the hard limit, which only CAP_SYS_RESOURCE may raise."""
        limits = {resource.RLIMIT_FSIZE: "Max file size", resource.RLIMIT_CPU: "Max cpu time",
                 resource.RLIMIT_AS: "Max address space", resource.RLIMIT_DATA: "Max data size"}

        def small():
            # A sanitizer's shadow memory takes terabytes of addresses.
            values = {resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CPU: 60, resource.RLIMIT_AS: 1 << 47,
                      resource.RLIMIT_DATA: 1 << 47, resource.RLIMIT_NOFILE: 16}
            for what, value in values.items():
                resource.setrlimit(what, (value, resource.getrlimit(what)[1]))

        backend = self.keep(Server(echo))
        tunnel = self.start(backend.port, small)
        for what, name in limits.items():
            with self.subTest(name):
                soft, hard = resource.prlimit(tunnel.pid, what)
                self.assertEqual(soft, hard)
        soft, hard = resource.prlimit(tunnel.pid, resource.RLIMIT_NOFILE)
        self.assertGreaterEqual(soft, min(1024, hard))
        self.serves(tunnel)
        self.assertGreater(os.path.getsize(tunnel.counters_path), 0)
        for _ in range(20):
            self.keep(tunnel.connect())
        self.serves(tunnel)

    def test_a_low_rank_is_not_inherited(self):
        """A backup that mounts with nice and ionice, a pod that is the first to go: its tunnel serves all."""
        def humble():
            os.nice(19 - os.nice(0))
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
                score.write("900")

        backend = self.keep(Server(echo))
        tunnel = self.start(backend.port, humble)
        self.assertEqual(os.sched_getscheduler(tunnel.pid), os.SCHED_OTHER)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, tunnel.pid), 0)
        with open(f"/proc/{tunnel.pid}/oom_score_adj", encoding="ascii") as score:
            self.assertEqual(score.read().strip(), "0")
        self.serves(tunnel)

    def test_a_file_size_limit_that_cannot_be_lifted_does_not_kill(self):
        """As in a container without CAP_SYS_RESOURCE."""
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            drop_capability(CAP_SYS_RESOURCE)

        backend = self.keep(Server(echo))
        tunnel = self.start(backend.port, small)
        self.serves(tunnel)
        self.assertIsNone(tunnel.process.poll())


CAP_SYS_RESOURCE = 24
PR_CAPBSET_DROP = 24


def drop_capability(number):
    """Gone at the next exec."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, number, 0, 0, 0)


if __name__ == "__main__":
    unittest.main()
