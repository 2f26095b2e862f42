"""TLS towards independent servers: the tunnel speaks TLS 1.2 and 1.3, always presents its client
certificate, and tells a wrong chain, a wrong name, an expired certificate and a refusal of its own
certificate apart, in the log and on the status pipe (TUN-10)."""
import unittest

from efs_test.servers import Server, echo, receive
from efs_test.tls_peers import Certificates, NAME, s_server, stunnel
from efs_test.tunnel import Tunnel, TunnelTest


class TlsPeers(TunnelTest):
    def reversed_line(self, tunnel):
        with tunnel.connect() as client:
            client.sendall(b"tunnel\n")
            return receive(client, 7)

    def failure(self, tunnel, first=b"x\n"):
        with tunnel.connect() as client:
            client.sendall(first)
            status = tunnel.wait_stage("failed")
            self.assertReset(client)
        return status

    def test_speaks_tls_1_3_with_s_server(self):  # TUN-10
        server = self.keep(s_server("-tls1_3"))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertEqual(self.reversed_line(tunnel), b"lennut\n")
        self.assertIn("TLSv1.3", tunnel.wait_stage("secured")[1])
        self.assertIn(str(server.port), tunnel.wait_stage("accepted")[1])

    def test_speaks_tls_1_2_with_s_server(self):  # TUN-10
        server = self.keep(s_server("-tls1_2"))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertEqual(self.reversed_line(tunnel), b"lennut\n")
        self.assertIn("TLSv1.2", tunnel.wait_stage("secured")[1])

    def test_refuses_tls_1_1(self):  # TUN-10
        server = self.keep(s_server("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertEqual(self.failure(tunnel)[1:3], ["secured", "protocol"])

    def test_echoes_through_stunnel(self):  # TUN-10
        backend = self.keep(Server(echo))
        server = self.keep(stunnel(backend.port))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        with tunnel.connect() as client:
            client.sendall(b"hello")
            self.assertEqual(receive(client, 5), b"hello")

    def test_names_subject_and_issuer_of_an_untrusted_chain(self):  # TUN-10
        certs = Certificates.get()
        server = self.keep(s_server(server=certs.issue("strange", "/CN=strange-server",
                                                       f"DNS:{NAME}", stranger=True)))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        status = self.failure(tunnel)
        self.assertEqual(status[1:3], ["secured", "untrusted"])
        self.assertIn("unable to get local issuer certificate", status[3])
        self.assertIn("strange-server", status[3])
        self.assertIn("Stranger Root", status[3])
        tunnel.wait_log("Stranger Root")

    def test_names_the_names_of_a_certificate_for_another_host(self):  # TUN-10, DNS-8
        certs = Certificates.get()
        other = certs.issue("othername", "/CN=x", "DNS:fs-1.example.com,DNS:fs-2.example.com")
        server = self.keep(s_server(server=other))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        status = self.failure(tunnel)
        self.assertEqual(status[1:3], ["secured", "untrusted"])
        self.assertIn("fs-1.example.com, fs-2.example.com", status[3])
        self.assertIn(NAME, status[3])

    def test_does_not_take_a_partial_wildcard(self):  # TUN-10
        certs = Certificates.get()
        partial = certs.issue("partial", "/CN=x",
                              "DNS:fs-*.efs.eu-west-1.amazonaws.com")
        server = self.keep(s_server(server=partial))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertEqual(self.failure(tunnel)[1:3], ["secured", "untrusted"])

    def test_refuses_an_expired_server_certificate(self):  # TUN-10
        server = self.keep(s_server(server=Certificates.get().expired))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        status = self.failure(tunnel)
        self.assertEqual(status[1:3], ["secured", "untrusted"])
        self.assertIn("certificate has expired", status[3])

    def test_without_check_host_takes_any_name(self):  # TUN-10
        other = Certificates.get().issue("anyname", "/CN=x", "DNS:fs-1.example.com")
        server = self.keep(s_server(server=other))
        tunnel = self.keep(Tunnel(server.port, tls=True, check=""))
        self.assertEqual(self.reversed_line(tunnel), b"lennut\n")

    def test_verify_0_takes_any_server(self):  # TUN-10, contract 3.2
        other = Certificates.get().issue("anybody", "/CN=x", "DNS:no.example.com", stranger=True)
        server = self.keep(s_server(server=other))
        tunnel = self.keep(Tunnel(server.port, tls=True, verify=0))
        self.assertEqual(self.reversed_line(tunnel), b"lennut\n")

    def test_tells_that_the_server_refused_our_certificate_with_tls_1_3(self):
        # TLS 1.3: the handshake ends for us before the server has judged.
        server = self.keep(s_server("-tls1_3", client_ca=Certificates.get().other_ca))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        status = self.failure(tunnel)
        self.assertEqual(status[1:3], ["accepted", "permission"])
        self.assertIn("server refused the client certificate: TLS alert 48 (unknown CA)", status[3])

    def test_tells_that_the_server_refused_our_certificate_with_tls_1_2(self):
        server = self.keep(s_server("-tls1_2", client_ca=Certificates.get().other_ca))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        status = self.failure(tunnel)
        self.assertEqual(status[1:3], ["secured", "permission"])
        self.assertIn("TLS alert 48 (unknown CA)", status[3])

    def test_names_a_server_that_does_not_speak_tls(self):
        server = self.keep(Server(lambda connection: connection.sendall(b"220 mail\r\n" * 9)))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        self.assertEqual(self.failure(tunnel)[1:3], ["secured", "protocol"])


if __name__ == "__main__":
    unittest.main()
