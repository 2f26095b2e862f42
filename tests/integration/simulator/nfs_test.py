"""NFS through the simulator: real files over TLS and plain, access points, policy denials, trunking."""

import datetime
import json
import os
import select
import socket
import ssl
import stat
import struct
import subprocess
import threading
import unittest

from efs_test.client_certificate import Recipe
from efs_test.nfs_client import GETFH, PUTROOTFH, call, compound, create_session, exchange_id, null, rpc, sequence_op
from efs_test.simulator import AP, FS, ROLE, Simulator, USER

NFS4ERR_ACCESS = 13


def utc_now():
    return datetime.datetime.utcnow()


class TlsForwarder:
    """A plain port for libnfs that leads through TLS to a mount target: a tunnel of twenty lines."""

    def __init__(self, connect):
        self.connect = connect
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pump, args=(plain,), daemon=True).start()

    def pump(self, plain):
        with plain, self.connect() as tls:
            while True:
                ready = [tls] if tls.pending() else select.select([plain, tls], [], [], 30)[0]
                for source in ready:
                    try:
                        data = source.recv(65536)
                    except (ConnectionError, ssl.SSLError):
                        data = b""
                    if not data:
                        return
                    (tls if source is plain else plain).sendall(data)
                if not ready:
                    return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


class NfsTest(unittest.TestCase):
    changes = {}

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator(**cls.changes)
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.start()
        cls.data = f"{cls.sim.dir}/data/fs1"

    def tearDown(self):
        self.sim.ctl("deny-at putrootfh")
        for switch in ("deny", "fs-require-iam", "fs-require-tls"):
            self.sim.ctl(f"{switch} {FS} off")

    def tls(self, access_point=None, identity=None, ip=None, fs=FS):
        cert, key = Recipe(fs, utc_now(), access_point, identity).write(self.sim.dir)
        sock = self.sim.connect_tls(cert, key, ip=ip)
        self.addCleanup(sock.close)
        return sock

    def plain(self, ip=None):
        sock = self.sim.connect_plain(ip)
        self.addCleanup(sock.close)
        return sock

    def forwarder(self, access_point=None, identity=None):
        cert, key = Recipe(FS, utc_now(), access_point, identity).write(self.sim.dir)
        forwarder = TlsForwarder(lambda: self.sim.connect_tls(cert, key))
        self.addCleanup(forwarder.close)
        return forwarder

    def libnfs(self, tool, port, path="/", *more):
        url = f"nfs://127.0.0.1{path}?version=4&nfsport={port}"
        words = [tool, *more, url]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)


class Files(NfsTest):
    def test_listing_through_tls(self):
        with open(f"{self.data}/hello.txt", "w") as out:
            out.write("hello")
        done = self.libnfs("nfs-ls", self.forwarder(None, ROLE).port)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hello.txt", done.stdout)

    def test_access_point_is_its_own_root_with_its_own_user(self):
        root = f"{self.data}/web-content"
        info = os.stat(root)
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid),
                         (0o750, 1000, 1001))
        source = f"{self.sim.dir}/source"
        with open(source, "wb") as out:
            out.write(os.urandom(1000))  # libnfs 4.0 fails to write more over NFSv4
        port = self.forwarder(AP, ROLE).port
        done = self.libnfs("nfs-cp", port, "//copy", source)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        info = os.stat(f"{root}/copy")
        self.assertEqual((info.st_uid, info.st_gid), (1000, 1001))
        with open(f"{root}/copy", "rb") as copy, open(source, "rb") as original:
            self.assertEqual(copy.read(), original.read())
        done = self.libnfs("nfs-ls", port)
        self.assertIn("copy", done.stdout)
        self.assertNotIn("web-content", done.stdout)
        self.assertGreaterEqual(self.sim.target_stats()["by_access_point"][AP], 1)

    def test_a_large_file_arrives_whole(self):
        content = os.urandom(8 << 20)
        with open(f"{self.data}/big", "wb") as out:
            out.write(content)
        port = self.forwarder().port
        url = f"nfs://127.0.0.1//big?version=4&nfsport={port}"
        done = subprocess.run(["nfs-cat", url], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, content)
        self.assertGreater(self.sim.target_stats()["bytes_out"], 8 << 20)

    def test_root_is_root_without_access_point(self):
        source = f"{self.sim.dir}/small"
        with open(source, "w") as out:
            out.write("x")
        done = self.libnfs("nfs-cp", self.forwarder().port, "//by-root", source)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertEqual(os.stat(f"{self.data}/by-root").st_uid, 0)

    def test_plain_and_tls_share_one_port(self):
        self.assertTrue(null(self.plain()))
        self.assertTrue(null(self.tls()))

    def test_private_program_is_unavailable(self):  # TUN-11
        reply = call(self.plain(), rpc(400123, 1, 2, b"\0" * 24))
        self.assertEqual(struct.unpack(">I", reply[20:24])[0], 1)  # PROG_UNAVAIL


class ServerIdentities(NfsTest):
    def test_each_access_point_is_another_server(self):
        servers = [exchange_id(self.tls()), exchange_id(self.tls(AP)),
                   exchange_id(self.plain(self.sim.ip_2))]
        self.assertEqual(len({s.major_id for s in servers}), 3)
        self.assertEqual(len({s.client_id for s in servers}), 3)

    def test_all_azs_are_the_same_server(self):
        sock = self.tls(AP)
        first = exchange_id(sock)
        create_session(sock, first)  # confirms the client id
        second = exchange_id(self.tls(AP, ip=self.sim.ip_b))
        self.assertEqual((first.major_id, first.minor_id, first.client_id),
                         (second.major_id, second.minor_id, second.client_id))


class Trunking(NfsTest):
    changes = {"trunking": True}

    def test_access_points_look_like_one_server(self):
        sock = self.tls()
        first = exchange_id(sock)
        create_session(sock, first)  # confirms the client id
        second = exchange_id(self.tls(AP))
        self.assertEqual((first.major_id, first.minor_id, first.client_id),
                         (second.major_id, second.minor_id, second.client_id))

    def test_other_file_systems_are_still_other_servers(self):
        first, second = exchange_id(self.tls()), exchange_id(self.plain(self.sim.ip_2))
        self.assertNotEqual(first.major_id, second.major_id)
        self.assertNotEqual(first.client_id, second.client_id)


class SeparateState(unittest.TestCase):
    def test_each_mount_target_is_a_server_of_its_own(self):
        sim = Simulator()
        self.addCleanup(sim.stop)
        sim.config["file_systems"][0]["separate_state"] = True
        sim.save()
        sim.start()
        self.assertEqual(len(json.loads(sim.ctl("stats"))["nfs_servers"]), 2 * 2 + 2)
        servers = [exchange_id(socket.create_connection((ip, sim.nfs_port), 10))
                   for ip in (sim.ip_a, sim.ip_b)]
        self.assertNotEqual(servers[0].major_id, servers[1].major_id)
        self.assertNotEqual(servers[0].client_id, servers[1].client_id)


class Denials(NfsTest):
    def mount(self, sock, fragments=1):
        """Status and number of results of the compound that asks for the root."""
        self.assertTrue(null(sock))
        session = create_session(sock, exchange_id(sock, os.urandom(8)))
        reply = compound(sock, sequence_op(session, 1), PUTROOTFH, GETFH, fragments=fragments)
        self.session = session
        return reply.status, reply.count

    def assertDenied(self, sock, field, **how):
        before = self.sim.target_stats()["denied"]
        self.assertEqual(self.mount(sock, **how), (NFS4ERR_ACCESS, 2))
        self.assertEqual(self.sim.last_refusal()["field"], field)
        self.assertEqual(self.sim.last_refusal()["kind"], "policy")
        self.assertEqual(self.sim.target_stats()["denied"], before + 1)

    def test_no_denial(self):
        self.assertEqual(self.mount(self.plain()), (0, 3))
        self.assertEqual(self.mount(self.tls(None, ROLE)), (0, 3))

    def test_iam_demanded(self):
        self.sim.ctl(f"fs-require-iam {FS} on")
        self.assertDenied(self.tls(AP), "policy.require_iam")
        self.assertDenied(self.plain(), "policy.require_iam")
        self.assertEqual(self.mount(self.tls(AP, ROLE)), (0, 3))

    def test_tls_demanded(self):
        self.sim.ctl(f"fs-require-tls {FS} on")
        self.assertDenied(self.plain(), "policy.require_tls")
        self.assertEqual(self.mount(self.tls()), (0, 3))

    def test_everybody_denied(self):
        self.sim.ctl(f"deny {FS} on")
        self.assertDenied(self.tls(AP, ROLE), "policy")
        self.assertEqual(self.mount(self.plain(self.sim.ip_2)), (0, 3))

    def test_a_call_in_fragments_is_denied_too(self):
        self.sim.ctl(f"deny {FS} on")
        self.assertDenied(self.tls(AP, ROLE), "policy", fragments=7)

    def test_the_session_goes_on_after_a_denial(self):
        sock = self.tls(AP, ROLE)
        self.sim.ctl(f"deny {FS} on")
        self.assertEqual(self.mount(sock), (NFS4ERR_ACCESS, 2))
        self.assertEqual(compound(sock, sequence_op(self.session, 2)).status, 0)
        self.sim.ctl(f"deny {FS} off")
        reply = compound(sock, sequence_op(self.session, 3), PUTROOTFH, GETFH)
        self.assertEqual((reply.status, reply.count), (0, 3))

    def test_handles_are_denied_only_to_connections_denied_from_the_start(self):
        allowed = self.tls(None, ROLE)
        self.assertEqual(self.mount(allowed), (0, 3))
        reply = compound(allowed, sequence_op(self.session, 2), PUTROOTFH, GETFH)
        handle = reply.results[-(len(reply.results) - 44 - 8 - 8):]  # SEQUENCE, PUTROOTFH, op+status
        putfh = struct.pack(">I", 22) + handle
        self.sim.ctl(f"deny {FS} on")
        reply = compound(allowed, sequence_op(self.session, 3), putfh, GETFH)
        self.assertEqual((reply.status, reply.count), (0, 3))
        late = self.tls(None, ROLE)
        self.mount(late)
        reply = compound(late, sequence_op(self.session, 2), putfh, GETFH)
        self.assertEqual((reply.status, reply.count), (NFS4ERR_ACCESS, 2))

    def test_denial_one_step_later(self):
        self.sim.ctl("deny-at putfh")
        self.sim.ctl(f"deny {FS} on")
        sock = self.tls(None, ROLE)
        self.assertEqual(self.mount(sock), (0, 3))
        putfh = struct.pack(">II", 22, 4) + b"hndl"
        reply = compound(sock, sequence_op(self.session, 2), putfh, GETFH)
        self.assertEqual((reply.status, reply.count), (NFS4ERR_ACCESS, 2))

    def test_nfs_4_0_is_denied_as_well(self):
        self.sim.ctl(f"deny {FS} on")
        done = self.libnfs("nfs-ls", self.forwarder(None, ROLE).port)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ACCESS", done.stderr + done.stdout)


class DeniedArns(NfsTest):
    def test_only_that_identity_is_denied(self):
        sim = Simulator()
        sim.config["file_systems"][0]["policy"]["deny_arns"] = [ROLE["arn"]]
        sim.save()
        self.addCleanup(sim.stop)
        sim.start()
        for identity, status in ((ROLE, NFS4ERR_ACCESS), (USER, 0), (None, 0)):
            cert, key = Recipe(FS, utc_now(), AP, identity).write(sim.dir)
            with sim.connect_tls(cert, key) as sock:
                session = create_session(sock, exchange_id(sock, os.urandom(8)))
                reply = compound(sock, sequence_op(session, 1), PUTROOTFH)
                self.assertEqual(reply.status, status, identity)


if __name__ == "__main__":
    unittest.main()
