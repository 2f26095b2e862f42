"""Revocation of the server's certificate (MODE-1, `OCSPaia`): the tunnel asks the responder that
each certificate names, as stunnel does - good and "names no responder" pass, revoked, unknown and
an unreachable responder do not - takes an answer that the server staples instead, and remembers a
good one. Peers: openssl s_server and openssl ocsp; stunnel itself as the judge of what is right."""
import contextlib
import datetime
import os
import shutil
import socket
import tempfile
import threading
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from efs_test.processes import free_port
from efs_test.programs import run
from efs_test.servers import Server, receive, reset_on_close
from efs_test.tls_peers import Certificates, Child, NAME
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, Stopwatch, pause, wait_for

WAIT_CHECK = 30


def answered(body):
    return (b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: %d"
            b"\r\n\r\n" % len(body) + body)


class Authority:
    """A root, an intermediate, and a database of what they issued."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="efs-ocsp-")
        self.names = {}
        self.root = self._root("root")
        self.below = self.issue("below", issuer=self.root, extensions="basicConstraints=CA:TRUE")

    def path(self, name):
        return os.path.join(self.dir, name)

    def _root(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"),
            "-subj", "/CN=" + name, "-days", "2")
        open(self.path(name + ".db"), "w").close()
        return name

    def issue(self, name, url=None, issuer=None, extensions=None, listed=True):
        """Returns the name; with `listed` false the responder knows nothing of the certificate."""
        issuer = issuer or self.root
        database = self.path(issuer + ".db" if listed else name + ".unlisted")
        for suffix in ("", ".attr"):
            if not os.path.exists(database + suffix):
                open(database + suffix, "w").close()
        with open(self.path(name + ".cnf"), "w") as out:
            out.write(f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={self.dir}\ndatabase={database}\n"
                      f"serial={self.path('serial')}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n"
                      f"unique_subject=no\n[p]\nCN=optional\n[x]\n"
                      + (extensions or f"basicConstraints=CA:FALSE\nsubjectAltName=DNS:{NAME}")
                      + (f"\nauthorityInfoAccess=OCSP;URI:{url}" if url else "") + "\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
            "-subj", "/CN=" + name)
        run("openssl", "ca", "-batch", "-config", self.path(name + ".cnf"), "-cert",
            self.path(issuer + ".pem"), "-keyfile", self.path(issuer + ".key"), "-in",
            self.path(name + ".csr"), "-out", self.path(name + ".pem"), "-extensions", "x",
            "-notext", "-days", "2")
        self.names[name] = issuer
        open(self.path(name + ".db"), "a").close()
        return name

    def revoke(self, name):
        issuer = self.names[name]
        run("openssl", "ca", "-config", self.path(name + ".cnf"), "-cert",
            self.path(issuer + ".pem"), "-keyfile", self.path(issuer + ".key"), "-revoke",
            self.path(name + ".pem"))

    def responder(self, port, issuer=None):
        issuer = issuer or self.root
        return Child(["openssl", "ocsp", "-index", self.path(issuer + ".db"), "-port", str(port),
                      "-rsigner", self.path(issuer + ".pem"), "-rkey", self.path(issuer + ".key"),
                      "-CA", self.path(issuer + ".pem"), "-nmin", "5"], port)

    def staple(self, name, valid=("-nmin", "5")):
        """A file for s_server -status_file: what the responder says now about that certificate."""
        issuer, out = self.names[name], self.path(name + ".staple")
        request = self.path(name + ".request")
        authority = self.path(issuer + ".pem")
        run("openssl", "ocsp", "-issuer", authority, "-cert", self.path(name + ".pem"), "-no_nonce",
            "-reqout", request)
        run("openssl", "ocsp", "-index", self.path(issuer + ".db"), "-rsigner", authority, "-rkey",
            self.path(issuer + ".key"), "-CA", authority, "-reqin", request, "-respout", out,
            *valid)
        return out

    def certificate(self, name):
        with open(self.path(name + ".pem"), "rb") as source:
            return x509.load_pem_x509_certificate(source.read())

    def private_key(self, name):
        with open(self.path(name + ".key"), "rb") as source:
            return serialization.load_pem_private_key(source.read(), None)

    def server(self, name, *options):
        certs, port = Certificates.get(), free_port()
        return Child(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
                      self.path(name + ".pem"), "-key", self.path(name + ".key"), "-CAfile",
                      certs.ca, "-rev", *options], port)


class Ocsp(TunnelTest):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.port = free_port()
        url = f"http://127.0.0.1:{cls.port}/ocsp"
        for name in ("good", "revoked", "nested"):
            cls.authority.issue(name, url)
        cls.authority.issue("unlisted", url, listed=False)
        cls.authority.issue("silent")
        cls.authority.revoke("revoked")
        cls.responder = cls.authority.responder(cls.port)

    @classmethod
    def tearDownClass(cls):
        cls.responder.close()
        shutil.rmtree(cls.authority.dir, True)

    def tunnel(self, server, **kwargs):
        kwargs.setdefault("service", "OCSPaia = yes\n")
        return self.keep(Tunnel(server.port, tls=True, ca=self.authority.path("root.pem"),
                                **kwargs))

    def serve(self, name, *options):
        return self.keep(self.authority.server(name, *options))

    def assertServes(self, tunnel):
        with tunnel.connect() as client:
            client.sendall(b"tunnel\n")
            try:
                self.assertEqual(receive(client, 7), b"lennut\n", tunnel.log())
            except OSError as error:
                self.fail(f"{error}; log:\n{tunnel.log()}")

    def refusal(self, tunnel, limit=WAIT_CHECK, kind="untrusted"):
        with contextlib.ExitStack() as stack:
            try:
                client = stack.enter_context(tunnel.connect())
                client.sendall(b"x\n")
            except ConnectionResetError:  # it may come before these have returned
                client = None
            status = tunnel.wait_stage("failed", limit)
            if client is not None:
                self.assertReset(client)
        self.assertEqual(status[1:3], ["secured", kind], status)
        return status[3]

    def test_takes_a_certificate_that_its_responder_calls_good(self):  # MODE-1
        tunnel = self.tunnel(self.serve("good"))
        self.assertServes(tunnel)
        tunnel.wait_log(f'"CN=good" is good, says http://127.0.0.1:{self.port}/ocsp')

    def test_names_a_revoked_certificate_and_who_says_so(self):  # MODE-1
        said = self.refusal(self.tunnel(self.serve("revoked")))
        self.assertIn(f"OCSP: the certificate is revoked, says http://127.0.0.1:{self.port}/ocsp",
                      said)
        self.assertIn("CN=revoked", said)

    def test_refuses_a_certificate_that_its_responder_does_not_know(self):  # MODE-1
        self.assertIn("OCSP: the certificate is unknown", self.refusal(
            self.tunnel(self.serve("unlisted"))))

    def test_takes_a_certificate_that_names_no_responder(self):  # MODE-1
        self.assertServes(self.tunnel(self.serve("silent")))

    def test_asks_nobody_when_ocsp_is_off_or_the_server_is_not_verified(self):  # MODE-1
        server = self.serve("revoked")
        self.assertServes(self.tunnel(server, service=""))
        self.assertServes(self.tunnel(server, verify=0))

    def test_refuses_when_the_responder_cannot_be_reached_and_says_what_helps(self):  # MODE-1
        url = f"http://127.0.0.1:{free_port()}/"
        tunnel = self.tunnel(self.serve(self.authority.issue("dead", url)))
        # Unlike a verdict this may pass: a mount with bg or retry= goes on.
        said = self.refusal(tunnel, kind="unreachable")
        self.assertIn("whether the certificate is revoked cannot be found out", said)
        self.assertIn(url, said)
        tunnel.wait_log("noocsp")

    def test_a_silent_responder_is_given_up_and_holds_up_no_other_connection(self):  # MODE-1
        mute = self.keep(Server(lambda connection: connection.recv(1 << 20) and pause("says nothing", 20)))
        server = self.serve(self.authority.issue("mute", f"http://127.0.0.1:{mute.port}/"))
        tunnel = self.tunnel(server)
        with tunnel.connect() as waiting:
            waiting.sendall(b"x\n")
            tunnel.wait_stage("connected")
            watch = Stopwatch()
            tunnel.connect().close()  # a port probe is still served
            self.assertReset(waiting)
            self.assertLess(watch.own(), 15 * SCALE)
        tunnel.wait_log("no answer within 5 s")

    def replier(self, reply):
        """A responder that gives this reply to every question; returns its port and the questions."""
        asked = []

        def serve(connection):
            asked.append(connection.recv(65536))
            connection.sendall(reply)
        return self.keep(Server(serve)).port, asked

    def refusal_of(self, name, reply, **kwargs):
        port, _ = self.replier(reply)
        server = self.serve(self.authority.issue(name, f"http://127.0.0.1:{port}/"))
        return self.refusal(self.tunnel(server), **kwargs)

    def test_many_silent_responders_are_given_up_together(self):  # MODE-1
        mute = self.keep(Server(lambda connection: connection.recv(1 << 20) and connection.recv(1)))
        url = f"http://127.0.0.1:{mute.port}/"
        name = self.authority.issue("mutes", f"{url}1,OCSP;URI:{url}2,OCSP;URI:{url}3")
        said = self.refusal(self.tunnel(self.serve(name)), kind="unreachable")
        self.assertIn(f"{url}3: no verdict within 12 s", said)
        self.assertIn("CN=mutes", said)

    def test_an_answer_that_is_no_ocsp_is_a_refusal(self):  # MODE-1
        self.assertIn("no OCSP answer", self.refusal_of("liar", answered(b"not\0der\xff\xff")))
        # RFC 6960 section 4.2.1: tryLater, which may pass
        self.assertIn("responder says trylater", self.refusal_of(
            "later", answered(b"\x30\x03\x0a\x01\x03"), kind="unreachable"))

    def test_what_the_responder_says_instead_of_an_answer_is_named(self):  # MODE-1
        self.assertIn("404 Not Found", self.refusal_of("lost", b"HTTP/1.0 404 Not Found\r\n\r\n"))
        self.assertIn("302 Found", self.refusal_of("moved", b"HTTP/1.0 302 Found\r\nLocation: "
                                                   b"http://127.0.0.1:%d/\r\n\r\n" % self.port))
        self.assertIn("503 Busy", self.refusal_of("busy", b"HTTP/1.0 503 Busy\r\n\r\n",
                                                  kind="unreachable"))

    def test_asks_for_the_certificates_number_and_nothing_else(self):  # RFC 6960 appendix A.1
        port, asked = self.replier(b"HTTP/1.0 404 Not Found\r\n\r\n")
        name = self.authority.issue("asked", f"http://127.0.0.1:{port}/here?and=there")
        self.refusal(self.tunnel(self.serve(name)))
        header, _, body = asked[0].partition(b"\r\n\r\n")
        self.assertEqual(header.split(b"\r\n")[:2], [b"POST /here?and=there HTTP/1.0",
                                                     b"Host: 127.0.0.1:%d" % port])
        request = ocsp.load_der_ocsp_request(body)
        self.assertEqual(request.serial_number, self.authority.certificate(name).serial_number)
        self.assertEqual(list(request.extensions), [])

    def test_a_reply_without_an_end_is_cut_and_holds_up_no_other_connection(self):  # MODE-1
        def serve(connection):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\n")
            while True:
                connection.sendall(b"X: y\r\n" * 10000)
        flood = self.keep(Server(serve))
        server = self.serve(self.authority.issue("flood", f"http://127.0.0.1:{flood.port}/"))
        tunnel = self.tunnel(server)
        # And not the responder's time limit.
        self.assertIn("the reply is too large", self.refusal(tunnel))

    def answer(self, name, signer=None, extra=(), this=None, until=5):
        """"good", signed by whom the test likes; ages in minutes, `until` None: no end."""
        authority, now = self.authority, datetime.datetime.utcnow()
        signer = signer or authority.root
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=authority.certificate(name), issuer=authority.certificate(authority.root),
            algorithm=hashes.SHA1(), cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=now - datetime.timedelta(minutes=this or 0),
            next_update=until and now + datetime.timedelta(minutes=until),
            revocation_time=None, revocation_reason=None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH,
                                       authority.certificate(signer))
        if extra:
            builder = builder.certificates([authority.certificate(one) for one in extra])
        der = builder.sign(authority.private_key(signer), hashes.SHA256()).public_bytes(
            serialization.Encoding.DER)
        return der

    def judged(self, name, **kwargs):
        """A tunnel to a server whose responder gives that answer()."""
        holder = []

        def serve(connection):
            connection.recv(65536)
            connection.sendall(answered(holder[0]))
        port = self.keep(Server(serve)).port
        server = self.serve(self.authority.issue(name, f"http://127.0.0.1:{port}/"))
        holder.append(self.answer(name, **kwargs))
        return self.tunnel(server)

    def test_takes_the_answer_of_whom_the_issuer_names_for_it(self):  # RFC 6960 section 4.2.2.2
        helper = self.authority.issue("helper", extensions="extendedKeyUsage=OCSPSigning")
        self.assertServes(self.judged("delegated", signer=helper, extra=[helper]))

    def test_takes_no_answer_of_anybody_else(self):  # RFC 6960 section 4.2.2.2
        clerk = self.authority.issue("clerk")  # of the same issuer, for no such purpose
        said = self.refusal(self.judged("usurped", signer=clerk, extra=[clerk]))
        self.assertIn("its signature is not accepted", said)
        # Whose key was stolen would like to vouch for itself.
        said = self.refusal(self.judged("itself", signer="itself", extra=["itself"]))
        self.assertIn("its signature is not accepted", said)
        nephew = self.authority.issue("nephew", issuer=self.authority.below,
                                      extensions="extendedKeyUsage=OCSPSigning")
        said = self.refusal(self.judged("foreign-helper", signer=nephew,
                                        extra=[nephew, self.authority.below]))
        self.assertIn("its signature is not accepted", said)

    def test_takes_no_answer_of_another_time(self):  # RFC 6960 sections 3.2 and 4.2.2.1
        self.assertServes(self.judged("fresh", this=30))
        self.assertIn("of another time", self.refusal(self.judged("past", this=60, until=-10)))
        self.assertIn("of another time", self.refusal(self.judged("future", this=-10, until=20)))
        # The clocks of two machines may differ.
        self.assertServes(self.judged("nearly-past", this=60, until=-2))
        self.assertServes(self.judged("nearly-now", this=-2, until=20))

    def test_an_answer_without_an_end_does_not_count_for_ever(self):  # RFC 6960 section 4.2.2.1
        self.assertServes(self.judged("endless", this=1, until=None))
        self.assertIn("of another time", self.refusal(self.judged("stale", this=70, until=None)))

    def test_too_long_a_chain_is_not_checked_in_part(self):  # MODE-1
        authority = Authority()
        self.addCleanup(shutil.rmtree, authority.dir, True)
        names = [authority.root]
        for number in range(10):
            names.append(authority.issue(f"link{number}", issuer=names[-1],
                                         extensions="basicConstraints=CA:TRUE"))
        authority.issue("end", issuer=names[-1])
        with open(authority.path("links"), "w") as out:
            for name in names[:0:-1]:
                with open(authority.path(name + ".pem")) as link:
                    out.write(link.read())
        server = self.keep(authority.server("end", "-cert_chain", authority.path("links")))
        tunnel = self.keep(Tunnel(server.port, tls=True, ca=authority.path("root.pem"),
                                  service="OCSPaia = yes\n"))
        self.assertIn("too many certificates to ask about: 12", self.refusal(tunnel))

    def test_a_client_that_leaves_during_the_check_leaves_nothing(self):  # MODE-1
        asked = threading.Event()

        def serve(connection):
            connection.recv(65536)
            asked.set()
            connection.recv(1)
        mute = self.keep(Server(serve))
        tunnel = self.tunnel(self.serve(
            self.authority.issue("deserted", f"http://127.0.0.1:{mute.port}/")))
        tunnel.wait_log("Starting new incarnation")  # the log's own connection is there
        before = tunnel.fds()
        client = tunnel.connect()
        client.sendall(b"x\n")
        self.assertTrue(asked.wait(WAIT_CHECK))
        reset_on_close(client)
        client.close()
        tunnel.wait_log("client closed while the upstream was being connected")
        wait_for("its descriptors' end", lambda: tunnel.fds() == before and not mute.open)

    def test_an_answer_about_another_certificate_or_by_a_stranger_is_a_refusal(self):  # MODE-1
        def replay(path):
            with open(path, "rb") as source:
                return answered(source.read())
        self.assertIn("it is about another certificate", self.refusal_of(
            "replayed", replay(self.authority.staple("good"))))

        stranger = Authority()
        self.addCleanup(shutil.rmtree, stranger.dir, True)
        self.assertIn("its signature is not accepted", self.refusal_of(
            "strange", replay(stranger.staple(stranger.issue("foreign")))))

    def test_asks_the_next_responder_when_the_first_is_dead(self):  # MODE-1
        port = free_port()
        url = f"http://127.0.0.1:{free_port()}/,OCSP;URI:http://127.0.0.1:{port}/"
        server = self.serve(self.authority.issue("second", url))
        self.keep(self.authority.responder(port))  # knows what was issued before it started
        self.assertServes(self.tunnel(server))

    def test_refuses_a_certificate_whose_only_responder_speaks_https(self):  # MODE-1
        server = self.serve(self.authority.issue("https", "https://127.0.0.1:1/"))
        self.assertIn("names no responder with http", self.refusal(self.tunnel(server)))

    def test_a_revoked_intermediate_is_found(self):  # MODE-1: every certificate below the root
        port = free_port()
        authority = Authority()
        self.addCleanup(shutil.rmtree, authority.dir, True)
        authority.issue("middle", f"http://127.0.0.1:{port}/", extensions="basicConstraints=CA:TRUE")
        authority.issue("leaf", issuer="middle")
        authority.revoke("middle")
        self.keep(authority.responder(port))
        server = self.keep(authority.server("leaf", "-cert_chain", authority.path("middle.pem")))
        tunnel = self.keep(Tunnel(server.port, tls=True, ca=authority.path("root.pem"),
                                  service="OCSPaia = yes\n"))
        said = self.refusal(tunnel)
        self.assertIn("revoked", said)
        self.assertIn("CN=middle", said)

    def test_a_stapled_answer_saves_the_question(self):  # MODE-1
        for version in ("-tls1_2", "-tls1_3"):
            url = f"http://127.0.0.1:{free_port()}/"  # nobody listens
            name = self.authority.issue("stapled" + version, url)
            server = self.serve(name, version, "-status_file", self.authority.staple(name))
            tunnel = self.tunnel(server)
            self.assertServes(tunnel)
            tunnel.wait_log("the stapled answer is good")

    def test_a_stapled_answer_can_say_revoked(self):  # MODE-1
        server = self.serve("revoked", "-status_file", self.authority.staple("revoked"))
        self.assertIn("revoked, says its stapled answer", self.refusal(self.tunnel(server)))

    def test_a_staple_of_another_certificate_proves_nothing(self):  # MODE-1
        server = self.serve("revoked", "-status_file", self.authority.staple("good"))
        tunnel = self.tunnel(server)
        self.assertIn(f"revoked, says http://127.0.0.1:{self.port}", self.refusal(tunnel))
        tunnel.wait_log("the stapled answer is not used")

    def test_reconnecting_does_not_hang_on_the_responder(self):  # MODE-1
        port = free_port()
        name = self.authority.issue("remembered", f"http://127.0.0.1:{port}/")
        responder = self.keep(self.authority.responder(port))
        tunnel = self.tunnel(self.serve(name))
        self.assertServes(tunnel)
        responder.close()
        self.assertServes(tunnel)
        # Another tunnel has no such memory.
        self.refusal(self.tunnel(self.serve(name)), kind="unreachable")

    def test_decides_as_stunnel_does(self):  # MODE-1
        dead = self.authority.issue("nobody", f"http://127.0.0.1:{free_port()}/")
        for name in ("good", "revoked", "unlisted", "silent", dead):
            ours, theirs = (self.passes(peer) for peer in (
                self.tunnel(self.serve(name)), self.stunnel(self.serve(name))))
            self.assertEqual(ours, theirs, name)

    def stunnel(self, server):
        port = free_port()
        path = self.authority.path(f"stunnel.{port}")
        with open(path, "w") as out:
            out.write(f"foreground = yes\npid =\n[efs]\nclient = yes\naccept = 127.0.0.1:{port}\n"
                      f"connect = 127.0.0.1:{server.port}\nverify = 2\nOCSPaia = yes\n"
                      f"CAfile = {self.authority.path('root.pem')}\ncheckHost = {NAME}\n")
        return self.keep(Child(["stunnel", path], port))

    def passes(self, peer):
        # A refusal may come before connect(2) has returned.
        try:
            with socket.create_connection(("127.0.0.1", peer.port), timeout=WAIT_CHECK) as client:
                client.sendall(b"tunnel\n")
                return receive(client, 7) == b"lennut\n"
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
