"""Partitions of the simulator: every answer to a bind call, sessions that another partition does not
know, the limit of one connection, and what it counts."""
import json
import struct
import time
import unittest

from efs_test.nfs_client import (Closed, PUTROOTFH, call, compound, create_session, exchange_id, null, rpc,
                                 sequence_op)
from efs_test.simulator import FS, Simulator

BADSESSION = 10052
TERMS = (5, 1000, 1, 1)


def bind(sock, incarnation=0, identifier=b"i" * 16):
    """The results of a bind call; the connection's first call."""
    body = struct.pack(">I", 16) + identifier + struct.pack(">IQ", 8, incarnation)
    reply = call(sock, rpc(400123, 1, 2, body))
    return struct.unpack(">I", reply[20:24])[0], reply[24:]


class Partitions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator()
        cls.addClassCleanup(cls.sim.stop)
        cls.sim.config["file_systems"][0]["partitions"] = {"count": 2, "bytes_per_sec": 1000}
        cls.sim.save()
        cls.sim.start()

    def setUp(self):
        self.answers()
        self.addCleanup(self.sim.ctl, f"target {FS} us-east-1a ok")

    def answers(self, *words):
        self.sim.ctl(f"target {FS} us-east-1a bind {' '.join(words)}")

    def connect(self):
        sock = self.sim.connect_plain()
        self.addCleanup(sock.close)
        return sock

    def bound(self, partition):
        self.answers(f"ready={partition}")
        sock = self.connect()
        status, body = bind(sock)
        self.assertEqual((status, body[4:68].rstrip(b"\0").decode()), (0, f"{FS}/{partition}"))
        return sock

    def test_answers_what_it_was_told(self):
        text = "the simulator was told to say"
        for word, kind, told in (("retry", 0, text), ("retry-later", 1, text), ("preferred=1", 2, "/1"),
                                 ("ready=0", 3, "/0"), ("error", 4, text), ("unknown", 9, "")):
            with self.subTest(word=word):
                self.answers(word)
                status, body = bind(self.connect())
                self.assertEqual((status, struct.unpack(">I", body[:4])[0]), (0, kind))
                self.assertIn(told, body[4:-16].decode())
                self.assertEqual(struct.unpack(">IIII", body[-16:]), TERMS)
        self.answers("unserved")
        self.assertEqual(bind(self.connect()), (1, b""))
        self.answers("garbage")
        self.assertEqual(bind(self.connect()), (0, b"\1\2\3"))
        self.answers("close")
        with self.assertRaises(Closed):
            bind(self.connect())
        with self.assertRaises(RuntimeError):
            self.answers("perhaps")
        with self.assertRaises(RuntimeError):
            self.answers("ready=2")

    def test_behaves_again_and_binds_as_told_in_one_command(self):
        def place():
            return bind(self.connect())[1][4:68].rstrip(b"\0").decode()[-1]
        target = f"target {FS} us-east-1a"
        self.sim.ctl(f"{target} refuse")
        with self.assertRaises(RuntimeError):
            self.sim.ctl(f"{target} ok ready=2")
        with self.assertRaises(ConnectionRefusedError):  # all of it or nothing
            self.connect()
        for partition in "10":
            self.sim.ctl(f"{target} ok ready={partition}")
            self.assertEqual([place() for _ in range(3)], [partition] * 3)
        self.sim.ctl(f"{target} ok")
        self.assertEqual({place() for _ in range(4)}, {"0", "1"})

    def test_answers_one_after_the_other_and_the_last_for_ever(self):
        self.answers("retry", "ready")
        kinds = [bind(self.connect())[1][:4] for _ in range(3)]
        self.assertEqual(kinds, [struct.pack(">I", kind) for kind in (0, 3, 3)])

    def test_partitions_take_turns(self):
        places = [bind(self.connect())[1][4:68].rstrip(b"\0")[-1:] for _ in range(4)]
        self.assertEqual(places, [b"0", b"1", b"0", b"1"])

    def test_a_session_is_known_to_its_partition_only(self):
        first, same, other, none = self.bound(0), self.bound(0), self.bound(1), self.connect()
        session = create_session(first, exchange_id(first, b"one"))
        before = self.sim.target_stats()["bad_sessions"]
        self.assertEqual(compound(first, sequence_op(session, 1), PUTROOTFH).status, 0)
        self.assertEqual(compound(same, sequence_op(session, 2), PUTROOTFH).status, 0)
        refused = compound(other, sequence_op(session, 3), PUTROOTFH)
        self.assertEqual((refused.rpc_status, refused.status, refused.count), (0, BADSESSION, 1))
        self.assertEqual(struct.unpack(">II", refused.results), (53, BADSESSION))
        self.assertTrue(null(other), "the connection goes on")
        self.assertEqual(compound(none, sequence_op(session, 3), PUTROOTFH).status, 0)
        self.assertEqual(self.sim.target_stats()["bad_sessions"], before + 1)

    def test_one_that_was_made_on_an_unbound_connection_is_known_everywhere(self):
        none, bound = self.connect(), self.bound(1)
        session = create_session(none, exchange_id(none, b"two"))
        self.assertEqual(compound(bound, sequence_op(session, 1), PUTROOTFH).status, 0)

    def test_counts_what_arrived_where(self):
        sock = self.bound(1)
        session = create_session(sock, exchange_id(sock, b"three"))
        for number in range(1, 4):
            compound(sock, sequence_op(session, number), PUTROOTFH)
        mine = max(json.loads(self.sim.ctl("connections")), key=lambda entry: entry["id"])
        self.assertEqual((mine["bind"], mine["partition"], mine["incarnation"], mine["identifier"]),
                         ("ready", 1, 0, b"i".hex() * 16))
        # EXCHANGE_ID and CREATE_SESSION begin with no SEQUENCE.
        self.assertEqual((mine["calls"], mine["first_only"]), (3, 2))
        self.assertGreater(self.sim.target_stats()["binds"]["ready"], 0)

    def test_a_malformed_bind_call_ends_the_connection(self):
        with self.assertRaises(Closed):
            call(self.connect(), rpc(400123, 1, 2, b"\0" * 24))

    def test_limits_each_connection(self):
        sock = self.bound(0)
        session = create_session(sock, exchange_id(sock, b"four"))
        self.sim.ctl(f"target {FS} us-east-1a limit 2000")
        before = next(entry["bytes_in"] + entry["bytes_out"]
                      for entry in json.loads(self.sim.ctl("connections")) if entry["bind"] == "ready")
        began = time.monotonic()
        for number in range(1, 9):
            compound(sock, sequence_op(session, number), PUTROOTFH)
        spent = time.monotonic() - began
        moved = max(json.loads(self.sim.ctl("connections")), key=lambda entry: entry["id"])
        self.assertGreater(spent, (moved["bytes_in"] + moved["bytes_out"] - before) / 2000 - 0.5)
        self.assertGreater(spent, 0.3)


class WithoutPartitions(unittest.TestCase):
    def test_the_program_is_not_served(self):  # TUN-11
        sim = Simulator()
        self.addCleanup(sim.stop)
        sim.start()
        with sim.connect_plain() as sock:
            self.assertEqual(bind(sock)[0], 1)


if __name__ == "__main__":
    unittest.main()
