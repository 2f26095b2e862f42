"""The process itself: command line, start, inherited listener, pid file, name, signals, certificate
reload, port probes, descriptors and memory (contract 16: TUN-1 to TUN-8)."""
import os
import resource
import signal
import socket
import subprocess
import sys
import unittest

from efs_test.servers import Server, echo, receive
from efs_test.tls_peers import Certificates, stunnel
from efs_test.tunnel import PROGRAM, Tunnel, TunnelTest
from efs_test.waiting import WAIT, wait_for


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=WAIT)


class CommandLine(unittest.TestCase):
    def test_bad_command_lines_exit_2_with_the_usage(self):  # TUN-1, TUN-5
        for arguments in ((), ("--nonsense", "x"), ("a", "b"), ("",)):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(b"Usage: efs-proxy <config>", result.stderr)

    def test_help_and_version(self):  # TUN-1
        for option in ("-h", "--help"):
            self.assertIn(b"--tls", run(option).stdout)
        self.assertRegex(run("--version").stdout.decode(), r"^efs-proxy Version: 3\.2\.0 \(efsmount \d+\.\d+\.\d+\)\n$")


class Start(TunnelTest):
    def test_shows_its_name_whatever_it_is_started_as(self):  # TUN-1, CSI-6
        link = os.path.join(Certificates.get().dir, "other-name")
        os.path.lexists(link) or os.symlink(PROGRAM, link)
        tunnel = self.keep(Tunnel(1, argv0=link))
        with open(f"/proc/{tunnel.pid}/comm") as name:
            self.assertEqual(name.read(), "efs-proxy\n")

    def test_writes_its_pid_file(self):  # TUN-3
        tunnel = self.keep(Tunnel(1))
        path = os.path.join(tunnel.dir, "tunnel.pid")
        with open(path) as file:
            self.assertEqual(file.read(), f"{tunnel.pid}\n")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)

    def test_goes_on_without_pid_file_and_log(self):  # TUN-3, ST-5
        tunnel = Tunnel(1, start=False)
        self.addCleanup(tunnel.stop)
        with open(tunnel.config) as config:
            text = config.read().replace(tunnel.dir, "/proc/no/such/directory")
        with open(tunnel.config, "w") as config:
            config.write(text)
        tunnel.start()

    def test_logs_the_anchors(self):  # contract 19
        backend = self.keep(Server(echo))
        tunnel = self.keep(Tunnel(backend.port, debug=False))
        with tunnel.connect() as client:
            client.sendall(b"x")
            receive(client, 1)
        tunnel.wait_log("client closed; 1 bytes up, 1 bytes down, first byte from the server after")
        tunnel.wait_log("Starting new incarnation")
        line = tunnel.log().splitlines()[0]
        self.assertRegex(line, rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {tunnel.pid} INFO "
                               "efs_proxy Starting new incarnation")
        tunnel.wait_log("Accepted new connection")

    def test_uses_the_listener_it_is_handed(self):  # TUN-6: the port is never closed
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        backend = self.keep(Server(echo))
        port = listener.getsockname()[1]
        tunnel = self.keep(Tunnel(backend.port, port=port, listener=listener))
        with tunnel.connect() as client:
            client.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
        tunnel.wait_log("inherited listener")

    def test_a_dead_tunnel_is_replaced_behind_the_open_port(self):  # TUN-6, WD-6
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        backend = self.keep(Server(echo))
        port = listener.getsockname()[1]
        first = self.keep(Tunnel(backend.port, port=port, listener=listener))
        first.process.kill()
        first.process.wait(WAIT)
        waiting = socket.create_connection(("127.0.0.1", port), timeout=WAIT)  # not refused
        waiting.sendall(b"x")
        self.keep(Tunnel(backend.port, port=port, listener=listener))
        self.assertEqual(receive(waiting, 1), b"x")
        waiting.close()

    def test_does_not_take_a_listener_meant_for_another_process(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        tunnel = self.keep(Tunnel(1, listener=listener, listen_pid="1"))
        self.assertNotEqual(tunnel.port, listener.getsockname()[1])
        tunnel.connect().close()
        self.assertNotIn("inherited listener", tunnel.log())

    def test_refuses_a_listener_that_is_open_to_the_network(self):  # TUN-6
        listener = socket.create_server(("0.0.0.0", 0))
        self.addCleanup(listener.close)
        tunnel = Tunnel(1, listener=listener, start=False)
        self.addCleanup(tunnel.stop)
        tunnel.start(wait=False)
        self.assertEqual(tunnel.process.wait(WAIT), 1)

    def fails(self, fragment, **kwargs):
        """The start fails with exit 1 and says why on stderr, on the status pipe and in the log."""
        tunnel = Tunnel(1, start=False, **kwargs)
        self.addCleanup(tunnel.stop)
        tunnel.start(wait=False)
        status = tunnel.wait_stage("failed")
        self.assertIsNone(tunnel.next_status())
        self.assertEqual(tunnel.process.wait(WAIT), 1)
        error = tunnel.process.stderr.read().decode()
        self.assertEqual(error.count("\n"), 1, error)
        for text in (error, status[3]):
            self.assertIn(fragment, text)
        tunnel.wait_log(fragment)
        return status

    def test_a_taken_port_is_a_clear_error(self):
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        port = other.getsockname()[1]
        status = self.fails(f"127.0.0.1:{port}", port=port)
        self.assertEqual(status[1:3], ["listening", "busy"])

    def test_a_missing_authority_file_is_a_clear_error(self):
        self.fails("/no/ca.pem", tls=True, ca="/no/ca.pem")

    def test_a_key_of_another_certificate_is_a_clear_error(self):
        certs = Certificates.get()
        self.fails("does not belong to", tls=True, client=(certs.client[0], certs.server[1]))

    def test_fips_without_its_provider_is_a_clear_error(self):  # TUN-10
        listed = subprocess.run(["openssl", "list", "-providers", "-provider", "fips"],
                                capture_output=True, timeout=WAIT)
        if listed.returncode == 0:
            self.skipTest("this machine has the FIPS provider")
        self.assertEqual(self.fails("FIPS", tls=True, fips="yes")[2], "unsupported")

    def test_a_missing_config_is_a_clear_error(self):
        result = run("/no/such/config", "--tls")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"/no/such/config", result.stderr)


class Signals(TunnelTest):
    def test_sigterm_ends_it_with_0(self):  # TUN-4
        backend = self.keep(Server(echo))
        tunnel = Tunnel(backend.port)
        client = tunnel.connect()
        self.addCleanup(client.close)
        client.sendall(b"x")
        receive(client, 1)
        self.assertEqual(tunnel.stop(signal.SIGTERM), 0)

    def test_tells_everything_while_it_is_asked_to(self):
        """Section 19: the level of a living tunnel, whose mount nobody wants to make again for it."""
        tunnel = self.keep(Tunnel(1, debug=False))
        tunnel.process.send_signal(signal.SIGUSR2)
        tunnel.wait_log("Log level debug")
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.wait_log("SIGHUP ignored")
        tunnel.process.send_signal(signal.SIGUSR2)
        tunnel.wait_log("Log level as configured")
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.process.send_signal(signal.SIGTERM)
        tunnel.wait_log("Stopping")
        self.assertEqual(tunnel.log().count("SIGHUP ignored"), 1)

    def test_sighup_without_tls_is_ignored(self):  # TUN-4
        tunnel = self.keep(Tunnel(1))
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.wait_log("SIGHUP ignored")
        tunnel.connect().close()

    def test_sighup_takes_a_new_certificate_for_the_next_connection(self):  # TUN-4
        backend = self.keep(Server(echo))
        server = self.keep(stunnel(backend.port, options="debug = 7"))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        old = tunnel.connect()
        self.addCleanup(old.close)
        old.sendall(b"x")
        receive(old, 1)
        wait_for("the first certificate", lambda: b"CN=client-one" in server.output)
        tunnel.install(*Certificates.get().issue("client2", "/CN=client-two")[:2])
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.wait_log("Client certificate read again: subject \"CN=client-two\"")
        with tunnel.connect() as client:
            client.sendall(b"y")
            self.assertEqual(receive(client, 1), b"y")
        wait_for("the second certificate", lambda: b"CN=client-two" in server.output)
        old.sendall(b"z")  # running connections stay
        self.assertEqual(receive(old, 1), b"z")

    def test_sighup_refuses_a_bad_certificate_and_keeps_the_old_one(self):  # TUN-4
        certs = Certificates.get()
        backend = self.keep(Server(echo))
        server = self.keep(stunnel(backend.port))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        garbage = certs.path("garbage")
        with open(garbage, "w") as out:
            out.write("-----BEGIN CERTIFICATE-----\nnot base64\n")
        bad = ((garbage, certs.client[1]), (certs.server[0], certs.client[1]),
               (certs.client[0], garbage), certs.expired[:2])
        for number, pair in enumerate(bad, 1):
            tunnel.install(*pair)
            tunnel.process.send_signal(signal.SIGHUP)
            wait_for("refusal", lambda: tunnel.log().count("New client certificate refused") == number)
            with tunnel.connect() as client:
                client.sendall(b"x")
                self.assertEqual(receive(client, 1), b"x")


class Resources(TunnelTest):
    def test_a_port_probe_causes_no_upstream_traffic(self):  # TUN-8, NFS-10
        backend = self.keep(Server(echo))
        tunnel = self.keep(Tunnel(backend.port))
        for _ in range(20):
            tunnel.connect().close()
        wait_for("20 probes in the log", lambda: tunnel.log().count("port probe") == 20)
        self.assertEqual(backend.accepted, 0)
        self.assertNotIn("INFO efs_proxy Accepted", tunnel.log())

    def test_probes_are_silent_without_debug(self):  # TUN-8
        backend = self.keep(Server(echo))
        tunnel = self.keep(Tunnel(backend.port, debug=False))
        tunnel.connect().close()
        with tunnel.connect() as client:
            client.sendall(b"x")
            receive(client, 1)
        self.assertNotIn("probe", tunnel.log())

    def test_leaks_no_descriptor_in_1000_connections(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                backend = self.keep(Server(echo))
                target = self.keep(stunnel(backend.port)).port if tls else backend.port
                tunnel = self.keep(Tunnel(target, tls=tls, debug=False))
                tunnel.connect().close()
                tunnel.wait_log("Starting new incarnation")  # connected to the log's writer
                before = tunnel.fds()
                for number in range(1000 if not tls else 200):
                    with tunnel.connect() as client:
                        if number % 3:
                            client.sendall(b"x")
                        if number % 3 == 1:
                            receive(client, 1)
                wait_for(f"{before} descriptors again", lambda: tunnel.fds() <= before)

    def test_one_without_memory_tells_so(self):  # Issue 11
        backend = self.keep(Server(echo))
        tunnel = self.keep(Tunnel(backend.port, debug=False))
        if tunnel.sanitized():
            self.skipTest("a sanitizer ends the program itself")
        taken = tunnel.memory_kib("VmSize") << 10
        resource.prlimit(tunnel.pid, resource.RLIMIT_AS, (taken, taken))
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        while tunnel.process.poll() is None and len(clients) < 900:
            try:
                clients.append(tunnel.connect())
                clients[-1].sendall(b"x" * 4096)
            except OSError:
                break
        wait_for("its end", lambda: tunnel.process.poll() is not None)
        self.assertEqual(tunnel.process.returncode, -signal.SIGABRT)
        tunnel.wait_log("This process ends: out of memory; see limits of memory")

    def test_idle_memory(self):
        """Prints RSS and PSS of an idle TLS tunnel; the limit is generous on purpose."""
        backend = self.keep(Server(echo))
        server = self.keep(stunnel(backend.port))
        tunnel = self.keep(Tunnel(server.port, tls=True, debug=False))
        if tunnel.sanitized():
            self.skipTest("memory of the sanitizer")
        with tunnel.connect() as client:
            client.sendall(b"x")
            receive(client, 1)
            before = tunnel.memory_kib("RssAnon")
            for _ in range(8):
                client.sendall(bytes(1 << 20))
                receive(client, 1 << 20)
            wait_for("buffers given back", lambda: tunnel.memory_kib("RssAnon") < before + 128)
            with open(f"/proc/{tunnel.pid}/smaps_rollup") as rollup:
                text = rollup.read()
            print("idle KiB: RSS", tunnel.memory_kib(), "anonymous", tunnel.memory_kib("RssAnon"),
                  [line for line in text.splitlines() if line.startswith("Pss:")],
                  file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
