"""The simulator misbehaves on command, starts and stops cleanly, and names what is wrong."""

import datetime
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import time
import unittest

import dns_imds_test

from efs_test.client_certificate import Recipe
from efs_test.nfs_client import exchange_id, null
from efs_test.programs import program
from efs_test.simulator import AP, FS, ROLE, Simulator
from efs_test.waiting import WAIT, wait_for

AZ = f"{FS} us-east-1a"


def utc_now():
    return datetime.datetime.utcnow()


def closed_how(sock, timeout_ms=WAIT * 1000):
    """How the peer ends the connection: "fin", "rst", or "open" when it does not.

    Asked of poll(): Python's ssl reports a reset as an end of file.
    """
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    events = poll.poll(timeout_ms)
    if not events:
        return "open"
    return "rst" if events[0][1] & select.POLLERR else "fin"


class Targets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator()
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()

    def tearDown(self):
        for command in (f"target {AZ} ok", "cert ok", "tls handshake-stall off", "clock 0"):
            self.sim.ctl(command)

    def plain(self, ip=None):
        sock = self.sim.connect_plain(ip)
        self.addCleanup(sock.close)
        return sock

    def tls(self, **how):
        cert, key = Recipe(FS, utc_now(), AP, ROLE).write(self.sim.dir)
        sock = self.sim.connect_tls(cert, key, **how)
        self.addCleanup(sock.close)
        return sock

    def test_refuse_closes_the_port_and_keeps_open_connections(self):
        sock = self.plain()
        self.assertTrue(null(sock))
        self.sim.ctl(f"target {AZ} refuse")
        self.assertEqual(self.sim.target_stats()["mode"], "refuse")
        with self.assertRaises(ConnectionRefusedError):
            self.sim.connect_plain()
        self.assertTrue(null(sock))
        self.assertTrue(null(self.plain(self.sim.ip_b)))
        self.sim.ctl(f"target {AZ} ok")
        self.assertTrue(null(self.plain()))

    def test_reset_once(self):
        sock, idle = self.plain(), self.tls()
        self.assertTrue(null(sock) and null(idle))
        self.sim.ctl(f"target {AZ} reset")
        self.assertEqual(closed_how(sock), "rst")
        self.assertEqual(closed_how(idle), "rst")
        self.assertTrue(null(self.plain()))

    def test_blackhole_holds_old_and_new_connections_until_it_ends(self):
        old = self.tls()
        self.assertTrue(null(old))
        self.sim.ctl(f"target {AZ} blackhole")
        new = self.plain()
        for sock in (old, new):
            sock.settimeout(0.3)
            with self.assertRaises(socket.timeout):
                null(sock)
            sock.settimeout(WAIT)
        self.sim.ctl(f"target {AZ} ok")
        self.assertEqual(len(old.recv(4096)), 28)  # the answer to the call asked in the dark
        self.assertEqual(len(new.recv(4096)), 28)

    def test_reset_ends_a_black_hole_s_connections(self):
        old = self.plain()
        self.assertTrue(null(old))
        self.sim.ctl(f"target {AZ} blackhole")
        new = self.plain()
        new.sendall(b"\x80\0\0\x28")
        wait_for("both", lambda: self.sim.target_stats()["open"] >= 2)
        self.sim.ctl(f"target {AZ} reset")
        self.assertEqual(closed_how(old), "rst")
        self.assertEqual(closed_how(new), "rst")

    def test_delay(self):
        sock = self.tls()
        self.assertTrue(null(sock))
        self.sim.ctl(f"target {AZ} delay 200")
        start = time.monotonic()
        self.assertTrue(null(sock))
        self.assertGreaterEqual(time.monotonic() - start, 0.4)  # the call and the reply
        self.sim.ctl(f"target {AZ} delay 0")
        wait_for("an answer without delay", lambda: self.duration(sock) < 0.2)

    def duration(self, sock):
        start = time.monotonic()
        self.assertTrue(null(sock))
        return time.monotonic() - start

    def test_close_idle(self):
        sock, over_tls = self.plain(), self.tls()
        self.assertTrue(null(sock) and null(over_tls))
        self.sim.ctl(f"target {AZ} close-idle")
        self.assertEqual(closed_how(sock), "fin")
        self.assertEqual(over_tls.recv(1), b"")  # with close_notify, else an SSLError
        self.assertTrue(null(self.plain()))

    def test_move(self):
        old = self.sim.ip_a
        name = f"{FS}.efs.us-east-1.amazonaws.com"
        dns = dns_imds_test.Dns("test_tcp")
        dns.sim = self.sim
        self.sim.ctl(f"target {AZ} move {self.sim.spare_ip}")
        self.addCleanup(self.sim.ctl, f"target {AZ} move {old}")
        self.assertEqual(dns.ask(name), (0, [self.sim.spare_ip]))
        with self.assertRaises(ConnectionRefusedError):
            self.sim.connect_plain(old)
        self.assertTrue(null(self.tls(ip=self.sim.spare_ip)))

    def test_a_move_that_fails_changes_nothing(self):
        with self.assertRaisesRegex(RuntimeError, "error binding 192.0.2.1"):
            self.sim.ctl(f"target {AZ} move 192.0.2.1")
        self.assertTrue(null(self.plain()))

    def test_server_certificates(self):
        for kind, text in (("wrong-name", "[Hh]ostname mismatch"),
                           ("wrong-chain", "unable to get local issuer|self-signed|self signed"),
                           ("expired", "expired")):
            self.sim.ctl(f"cert {kind}")
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, text):
                self.tls()
        self.sim.ctl("cert ok")
        self.assertTrue(null(self.tls()))
        self.assertTrue(null(self.tls(name=f"us-east-1a.{FS}.efs.us-east-1.amazonaws.com")))

    def test_handshake_stall(self):
        self.sim.ctl("tls handshake-stall on")
        cert, key = Recipe(FS, utc_now(), AP, ROLE).write(self.sim.dir)
        with self.assertRaises(socket.timeout):
            self.sim.connect_tls(cert, key, timeout=0.4)
        self.assertTrue(null(self.plain()))
        self.sim.ctl("tls handshake-stall off")
        self.assertTrue(null(self.tls()))

    def test_half_close_ends_the_connection_orderly(self):
        sock = self.plain()
        self.assertTrue(null(sock))
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(closed_how(sock), "fin")

    def test_probes_are_counted_apart(self):
        before = self.sim.target_stats()
        self.sim.connect_plain().close()
        wait_for("the probe", lambda: self.sim.target_stats()["probes"] > before["probes"])
        self.assertEqual(self.sim.target_stats()["plain"], before["plain"])

    def test_connections(self):
        sock = self.tls()
        self.assertTrue(null(sock))
        peer = "%s:%d" % sock.getsockname()
        mine = [c for c in json.loads(self.sim.ctl("connections")) if c["peer"] == peer]
        self.assertEqual((mine[0]["access_point"], mine[0]["tls"], mine[0]["az"]),
                         (AP, True, "us-east-1a"))

    def test_targets_are_found_by_az_id_too(self):
        self.sim.ctl(f"target {FS} use1-az2 refuse")
        self.addCleanup(self.sim.ctl, f"target {FS} use1-az2 ok")
        with self.assertRaises(ConnectionRefusedError):
            self.sim.connect_plain(self.sim.ip_b)

    def test_clock_tells_the_time(self):
        before = utc_now()
        told = datetime.datetime.strptime(self.sim.ctl("clock 3600"), "%Y-%m-%dT%H:%M:%SZ") - datetime.timedelta(hours=1)
        self.assertTrue(before - datetime.timedelta(seconds=1) <= told <= utc_now(), told)

    def test_wrong_commands(self):
        for command in ("", "nonsense", "target", f"target {AZ} dance", f"target {AZ} delay x",
                        "target fs-0 us-east-1a ok", f"target {FS} nowhere ok", "dns maybe",
                        "imds slow -1", "cert green", "deny fs-0 on", f"deny {FS} maybe",
                        "clock x", "tls handshake-stall", "rotate-credentials now"):
            with self.subTest(command), self.assertRaisesRegex(RuntimeError, "^error|usage"):
                self.sim.ctl(command)


class Life(unittest.TestCase):
    def running(self, pids):
        return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]

    def wait_until_gone(self, pids):
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            select.select([fd], [], [], WAIT)
            os.close(fd)

    def pids(self, sim):
        return list(json.loads(sim.ctl("stats"))["nfs_servers"].values())

    def test_sigterm_takes_everything_down(self):
        for signo in (signal.SIGTERM, signal.SIGINT):
            sim = Simulator().start()
            self.addCleanup(sim.stop)
            pids = self.pids(sim)
            self.assertEqual(len(self.running(pids)), 4)
            with sim.connect_plain() as sock:
                exchange_id(sock)
                sim.process.send_signal(signo)
                self.assertEqual(sim.process.wait(WAIT), 0)
            self.assertEqual(self.running(pids), [])
            left = sorted(name for name in os.listdir(sim.work) if not name.endswith(".log"))
            self.assertEqual(left, [])

    def test_sigkill_takes_the_nfs_servers_along(self):
        sim = Simulator().start()
        self.addCleanup(sim.stop)
        pids = self.pids(sim)
        sim.process.kill()
        sim.process.communicate()
        self.wait_until_gone(pids)
        # Children of a dead parent may stay as zombies where nobody reaps.
        for pid in self.running(pids):
            with open(f"/proc/{pid}/stat") as file:
                self.assertEqual(file.read().rsplit(")", 1)[1].split()[0], "Z")
        sim.start()  # the left-overs do not disturb a new start
        with sim.connect_plain() as sock:
            self.assertTrue(null(sock))

    def failure(self, sim):
        done = subprocess.run([program("efs-simulator"), "--config", sim.config_path],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_a_port_that_is_taken(self):
        sim = Simulator()
        self.addCleanup(sim.stop)
        with socket.create_server((sim.ip_b, sim.nfs_port)):
            self.assertIn(f"binding {sim.ip_b}:{sim.nfs_port}: Address already in use",
                          self.failure(sim))
        left = [name for name in os.listdir(sim.work) if not name.endswith(".log")]
        self.assertEqual(left, [])

    def test_configurations_that_are_wrong(self):
        def broken(text):
            sim = Simulator()
            self.addCleanup(sim.stop)
            with open(sim.config_path, "w") as out:
                out.write(text(sim.config))
            return self.failure(sim)

        self.assertIn("parse error", broken(lambda c: "{"))
        self.assertIn('unknown key "regoin"', broken(lambda c: json.dumps({**c, "regoin": 1})))
        self.assertIn("not an IP address", broken(
            lambda c: json.dumps({**c, "dns": {"listen": "localhost:53"}})))
        self.assertIn("appears twice", broken(lambda c: json.dumps(
            {**c, "file_systems": c["file_systems"] * 2})))

    def test_usage(self):
        done = subprocess.run([program("efs-simulator")], capture_output=True, text=True, timeout=WAIT)
        self.assertEqual((done.returncode, done.stderr.split()[0]), (2, "usage:"))


if __name__ == "__main__":
    unittest.main()
