"""A confined tunnel: no capabilities, no files but its own, no system calls but those on its list; and all that
it does goes on: serving, a new certificate, new authorities, names, its log, its page of counters, its end."""
import os
import shutil
import socket
import subprocess
import unittest

from efs_test.files import read
from efs_test.servers import Server, echo, receive
from efs_test.tls_peers import Certificates, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import WAIT, wait_for


def process_status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as source:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in source)}


class Confined(TunnelTest):
    def setUp(self):
        self.echo = self.keep(Server(echo))

    def tunnel(self, **options):
        return self.keep(Tunnel(self.keep(stunnel(self.echo.port)).port, tls=True, confine=True, **options))

    def assertServes(self, tunnel, size=1 << 20):
        with tunnel.connect() as client:
            for _ in range(0, size, 65536):
                part = os.urandom(min(size, 65536))
                client.sendall(part)
                self.assertEqual(receive(client, len(part)), part)

    def assertNothingRefused(self, tunnel):
        refused = [line for line in tunnel.log().splitlines() if "was refused, as if" in line]
        self.assertEqual(refused, [])

    def replace_authorities(self, tunnel, ca):
        """While it serves, by a rename as tools do it; the same ones, twice."""
        self.assertServes(tunnel, 1000)
        text = read(ca)
        with open(ca + ".new", "w", encoding="ascii") as out:
            out.write(text * 2)
        os.rename(ca + ".new", ca)
        self.assertServes(tunnel, 1000)

    def test_gives_up_capabilities_and_calls(self):
        tunnel = self.tunnel()
        if tunnel.sanitized():
            self.skipTest("a sanitizer needs what is given up")
        status = process_status(tunnel.pid)
        for key in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[key], 16), 0, key)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        tunnel.wait_log("Confined: no capabilities")
        self.assertServes(tunnel)
        self.assertNothingRefused(tunnel)

    def test_is_not_confined_without_the_key(self):
        tunnel = self.keep(Tunnel(self.echo.port))
        if not os.environ.get("EFS_CONFINE"):
            self.assertEqual(process_status(tunnel.pid)["Seccomp"], process_status("self")["Seccomp"])
            self.assertNotIn("Confined", tunnel.log())

    def test_serves_plain_mounts_too(self):
        tunnel = self.keep(Tunnel(self.echo.port, confine=True))
        self.assertServes(tunnel)
        self.assertNothingRefused(tunnel)

    def test_reads_a_new_certificate(self):
        tunnel = self.tunnel()
        self.assertServes(tunnel, 1000)
        tunnel.install(*Certificates.get().client[:2])
        tunnel.process.send_signal(1)
        tunnel.wait_log("Client certificate read again")
        self.assertServes(tunnel, 1000)
        self.assertNothingRefused(tunnel)

    def test_reads_new_authorities(self):
        certs = Certificates.get()
        folder = certs.path("authorities")
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(shutil.rmtree, folder, True)
        ca = os.path.join(folder, "ca.pem")
        shutil.copy(certs.ca, ca)
        tunnel = self.tunnel(ca=ca)
        self.replace_authorities(tunnel, ca)
        tunnel.wait_log("authorities")
        self.assertNothingRefused(tunnel)

    def test_reads_new_authorities_behind_a_link(self):
        certs = Certificates.get()
        folder, elsewhere = certs.path("linked"), certs.path("elsewhere")
        for place in (folder, elsewhere):
            os.makedirs(place, exist_ok=True)
            self.addCleanup(shutil.rmtree, place, True)
        link, ca = os.path.join(folder, "ca.pem"), os.path.join(elsewhere, "ca.pem")
        shutil.copy(certs.ca, ca)
        os.symlink(ca, link)
        tunnel = self.tunnel(ca=link)
        self.replace_authorities(tunnel, ca)
        tunnel.wait_log("authorities read again")
        self.assertNotIn("refused", tunnel.log())

    def test_asks_for_names(self):
        tunnel = self.keep(Tunnel(self.echo.port, host="localhost", confine=True))
        for _ in range(2):
            self.assertServes(tunnel, 1000)
            os.kill(tunnel.pid, 10)  # SIGUSR1: names are asked for again
            tunnel.wait_log("Reconnecting on request")
        self.assertNothingRefused(tunnel)

    def test_keeps_its_page_of_counters_and_ends_in_good_order(self):
        tunnel = self.tunnel()
        self.assertServes(tunnel)
        wait_for("its bytes", lambda: tunnel.counters().bytes_up >= 1 << 20)
        path = tunnel.counters_path
        tunnel.process.terminate()
        self.assertEqual(tunnel.process.wait(WAIT), 0)
        self.assertFalse(os.path.exists(path))
        self.assertNothingRefused(tunnel)

    def test_writes_its_log_over_a_change_of_file(self):
        tunnel = self.tunnel()
        self.assertServes(tunnel, 1000)
        tunnel.wait_log(" ended after ")
        os.rename(tunnel.log_path, tunnel.log_path + ".1")
        self.assertServes(tunnel, 1000)
        tunnel.wait_log(" ended after ")

    def test_survives_a_lack_of_descriptors(self):
        tunnel = self.tunnel()
        self.assertServes(tunnel, 1000)
        subprocess.run(["prlimit", "--pid", str(tunnel.pid), "--nofile=4:1024"], check=True)
        with socket.create_connection(("127.0.0.1", tunnel.port), WAIT) as client:
            client.sendall(b"x")
            tunnel.wait_log("Cannot accept a connection")
            subprocess.run(["prlimit", "--pid", str(tunnel.pid), "--nofile=1024:1024"], check=True)
            client.settimeout(WAIT)
            self.assertEqual(client.recv(1), b"x")
        self.assertNothingRefused(tunnel)


if __name__ == "__main__":
    unittest.main()
