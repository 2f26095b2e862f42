"""What we offer in TLS is our own choice, whatever the host's openssl.cnf says; keys are changed in both
directions under way; and the file of trusted authorities is followed: by itself and on SIGHUP, a broken
one never (openssl s_server and stunnel as peers)."""
import os
import shutil
import signal
import stat
import struct
import unittest

from efs_test.processes import free_port
from efs_test.servers import Server, echo, receive
from efs_test.silent_place import available
from efs_test.small_fuse import SmallFuse
from efs_test.tls_peers import NAME, Certificates, Child, s_server, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import WAIT, wait_for

LAX = """openssl_conf = default_conf
[default_conf]
ssl_conf = ssl_section
[ssl_section]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
Ciphersuites = TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256
Groups = sect571r1:X448:P-256
SignatureAlgorithms = RSA+SHA1:ECDSA+SHA1:RSA+SHA256:ECDSA+SHA256
Options = UnsafeLegacyRenegotiation
"""
# RFC 5289, RFC 7905, RFC 8446: ECDHE with GCM or ChaCha20, and the signal of RFC 5746.
SUITES = {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0x00FF}
GROUPS = {0x001D, 0x0017, 0x0018, 0x0019}
VERSIONS = {0x0303, 0x0304}
SHA1 = {0x0201, 0x0202, 0x0203}


def client_hello(data):
    """(suites, extensions by number) of the handshake message in a TLS record."""
    body = data[5 + 4:]
    at = 2 + 32
    at += 1 + body[at]
    count, = struct.unpack_from("!H", body, at)
    suites = set(struct.unpack_from(f"!{count // 2}H", body, at + 2))
    at += 2 + count
    at += 1 + body[at]
    end = at + 2 + struct.unpack_from("!H", body, at)[0]
    at += 2
    extensions = {}
    while at < end:
        number, size = struct.unpack_from("!HH", body, at)
        extensions[number] = body[at + 4:at + 4 + size]
        at += 4 + size
    return suites, extensions


class Policy(TunnelTest):
    def hello(self, configuration=None, service=""):
        seen = []

        def serve(connection):
            head = receive(connection, 5)
            seen.append(head + receive(connection, struct.unpack("!H", head[3:])[0]))

        backend = self.keep(Server(serve))
        if configuration:
            path = Certificates.get().path("openssl.cnf")
            with open(path, "w") as out:
                out.write(configuration)
            os.environ["OPENSSL_CONF"] = path
            self.addCleanup(os.environ.pop, "OPENSSL_CONF")
        tunnel = self.keep(Tunnel(backend.port, tls=True, service=service))
        with tunnel.connect() as client:
            client.sendall(b"x")
            wait_for("the ClientHello", lambda: seen)
        return client_hello(seen[0])

    def test_offers_its_own_choice_whatever_the_host_has_configured(self):
        for configuration in (None, LAX):
            with self.subTest(configuration=bool(configuration)):
                suites, extensions = self.hello(configuration)
                self.assertLessEqual(suites, SUITES)
                self.assertIn(0x1302, suites)
                self.assertIn(0xC030, suites)
                groups = struct.unpack(f"!{len(extensions[10]) // 2 - 1}H", extensions[10][2:])
                self.assertLessEqual(set(groups), GROUPS)
                versions = struct.unpack(f"!{len(extensions[43]) // 2}H", extensions[43][1:])
                self.assertEqual(set(versions), VERSIONS)
                signatures = struct.unpack(f"!{len(extensions[13]) // 2 - 1}H", extensions[13][2:])
                self.assertFalse(set(signatures) & SHA1)

    def test_other_suites_must_be_configured(self):
        # TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
        suites, _ = self.hello(service="ciphers = ECDHE-ECDSA-AES128-SHA256\n")
        self.assertIn(0xC023, suites)
        self.assertNotIn(0xC030, suites)

    def test_suites_nobody_knows_are_a_clear_error(self):
        tunnel = Tunnel(1, tls=True, service="ciphers = NO-SUCH-SUITE\n", start=False)
        self.addCleanup(tunnel.stop)
        tunnel.start(wait=False)
        self.assertIn("NO-SUCH-SUITE", tunnel.wait_stage("failed")[3])
        self.assertEqual(tunnel.process.wait(WAIT), 1)

    def test_does_not_speak_static_rsa_or_cbc(self):
        for suite in ("AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256"):
            server = self.keep(s_server("-tls1_2", "-cipher", suite + ":@SECLEVEL=0"))
            tunnel = self.keep(Tunnel(server.port, tls=True))
            with tunnel.connect() as client:
                client.sendall(b"x\n")
                self.assertEqual(tunnel.wait_stage("failed")[1], "secured")


class Keys(TunnelTest):
    def test_new_keys_in_both_directions_lose_nothing(self):  # RFC 8446 section 4.6.3
        """s_server changes its key on "k", and asks for ours too on "K"."""
        certs, port = Certificates.get(), free_port()
        server = self.keep(Child(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3",
                                  "-cert", certs.server[0], "-key", certs.server[1], "-CAfile",
                                  certs.ca, "-Verify", "3", "-msg"], port))
        tunnel = self.keep(Tunnel(port, tls=True))

        def say(line):
            server.process.stdin.write(line)
            server.process.stdin.flush()

        def key_updates(direction):
            return sum(line.startswith(direction) and b"KeyUpdate" in line
                       for line in server.output.split(b"\n"))

        with tunnel.connect() as client:
            client.sendall(b"begin\n")
            wait_for("our line", lambda: b"begin" in server.output)
            for number in range(6):
                say(b"K\n" if number % 2 else b"k\n")
                wait_for("the server's new key", lambda: key_updates(b">>>") > number)
                say(b"down%d\n" % number)
                self.assertEqual(receive(client, 6), b"down%d\n" % number)
                client.sendall(b"up%d\n" % number)
                wait_for("our line", lambda: b"up%d" % number in server.output)
            # "<<<" is what the server got: our own key changed as often as it asked.
            self.assertEqual(key_updates(b"<<<"), 3, server.output)


class Authorities(TunnelTest):
    def setUp(self):
        certs = self.certs = Certificates.get()
        self.ca = certs.path("own-ca.pem")
        shutil.copy(certs.ca, self.ca)
        backend = self.keep(Server(echo))
        strange = certs.issue("new-root-server", "/CN=x", f"DNS:{NAME}", stranger=True)
        self.known = self.keep(stunnel(backend.port))
        self.new = self.keep(stunnel(backend.port, server=strange))

    def install(self, *files, text=""):
        """As update-ca-certificates does: a new file takes the place of the old one."""
        with open(self.ca + ".new", "w") as out:
            for name in files:
                with open(name) as source:
                    out.write(source.read())
            out.write(text)
        os.rename(self.ca + ".new", self.ca)

    def trusts(self, tunnel):
        with tunnel.connect() as client:
            client.sendall(b"x")
            try:
                return receive(client, 1) == b"x"
            except ConnectionResetError:
                self.assertIn("untrusted", tunnel.wait_stage("failed"))
                return False

    def test_a_new_root_is_trusted_and_a_withdrawn_one_refused(self):
        for hangup in (False, True):
            with self.subTest(hangup=hangup):
                self.install(self.certs.ca)
                old = self.keep(Tunnel(self.known.port, tls=True, ca=self.ca))
                new = self.keep(Tunnel(self.new.port, tls=True, ca=self.ca))
                self.assertEqual((self.trusts(old), self.trusts(new)), (True, False))
                running = self.keep(old.connect())
                running.sendall(b"x")
                self.assertEqual(receive(running, 1), b"x")
                self.install(self.certs.other_ca)
                for tunnel in (old, new) if hangup else ():
                    tunnel.process.send_signal(signal.SIGHUP)
                    tunnel.wait_log("Certificate authorities read again")
                self.assertEqual((self.trusts(old), self.trusts(new)), (False, True))
                old.wait_log("Certificate authorities read again")
                running.sendall(b"y")  # running connections stay
                self.assertEqual(receive(running, 1), b"y")

    def test_a_broken_file_keeps_the_old_ones_and_is_said_once(self):
        tunnel = self.keep(Tunnel(self.known.port, tls=True, ca=self.ca))
        with open(self.certs.ca) as source:
            good = source.read()
        for number, bad in enumerate(("", "hello", good[:len(good) // 2], good + good[:200]), 1):
            self.install(text=bad)
            for _ in range(3):
                self.assertTrue(self.trusts(tunnel))
            tunnel.process.send_signal(signal.SIGHUP)
            wait_for("SIGHUP", lambda: tunnel.log().count("Client certificate read again") == number)
            self.assertTrue(self.trusts(tunnel))
            self.assertEqual(tunnel.log().count("New certificate authorities refused"), number)
        os.remove(self.ca)
        self.assertTrue(self.trusts(tunnel))
        self.install(self.certs.ca)
        self.assertTrue(self.trusts(tunnel))
        tunnel.wait_log("Certificate authorities read again")

    def far(self, link=None):
        """A file system that may fall silent, with the authorities, or with a link to them."""
        with open(self.certs.ca, "rb") as source:
            place = SmallFuse(os.path.join(os.path.dirname(self.ca), "far"), "ca.pem", source.read(), link)
        self.addCleanup(place.end)
        return place

    def reconnects(self, tunnel, place):
        """Also while nobody answers there."""
        self.assertTrue(self.trusts(tunnel))
        tunnel.wait_log("are read once: their file system may not answer")
        place.fall_silent()
        self.assertTrue(self.trusts(tunnel))
        tunnel.process.send_signal(signal.SIGHUP)
        tunnel.wait_log("Client certificate read again")
        self.assertTrue(self.trusts(tunnel))

    @unittest.skipUnless(available(), "no /dev/fuse")
    def test_a_file_system_that_falls_silent_holds_up_nobody(self):
        """Authorities on an NFS server that goes, perhaps the one behind this tunnel: it reconnects all the same."""
        place = self.far()
        self.reconnects(self.keep(Tunnel(self.known.port, tls=True, ca=os.path.join(place.path, "ca.pem"))), place)

    @unittest.skipUnless(available(), "no /dev/fuse")
    def test_nor_does_one_that_only_leads_to_them(self):
        """A link there, behind another, to a file that is here."""
        place = self.far(link=self.ca)
        entry = os.path.join(os.path.dirname(self.ca), "entry.pem")
        os.symlink("far/ca.pem", entry)
        self.reconnects(self.keep(Tunnel(self.known.port, tls=True, ca=entry)), place)

    @unittest.skipUnless(available(), "no /dev/fuse")
    def test_nor_does_one_where_they_came_to_be_later(self):
        place = self.far()
        tunnel = self.keep(Tunnel(self.known.port, tls=True, ca=self.ca))
        self.assertTrue(self.trusts(tunnel))
        os.symlink(os.path.join(place.path, "ca.pem"), self.ca + ".new")
        os.rename(self.ca + ".new", self.ca)
        self.reconnects(tunnel, place)

    @unittest.skipUnless(available(), "no /dev/fuse")
    def test_one_that_is_silent_from_the_start_is_named(self):
        """Once the new tunnel waited there for ever, without a word, for SIGKILL."""
        place = self.far()
        ca = os.path.join(place.path, "ca.pem")
        place.fall_silent()
        tunnel = self.keep(Tunnel(self.known.port, tls=True, ca=ca, start=False))
        tunnel.start(wait=False)
        self.assertIn(f"{ca}: its file system does not answer", tunnel.wait_stage("failed")[3])
        self.assertEqual(tunnel.process.wait(WAIT), 1)

    def test_what_is_no_file_keeps_the_old_ones_and_holds_up_nobody(self):
        """A pipe without a writer, a device that never ends: the tunnel's one loop would wait there for ever."""
        tunnel = self.keep(Tunnel(self.known.port, tls=True, ca=self.ca))
        self.assertTrue(self.trusts(tunnel))
        for make, words in ((lambda path: os.mkfifo(path), "is a pipe"),
                            (lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)), "no certificate"),
                            (lambda path: os.mkdir(path), "is a directory")):
            with self.subTest(words=words):
                os.remove(self.ca)
                make(self.ca)
                for _ in range(2):
                    self.assertTrue(self.trusts(tunnel))
                tunnel.wait_log(words)
                os.rename(self.ca, self.ca + ".away")
                self.install(self.certs.ca)
                self.assertTrue(self.trusts(tunnel))
                os.rmdir(self.ca + ".away") if "directory" in words else os.remove(self.ca + ".away")


if __name__ == "__main__":
    unittest.main()
