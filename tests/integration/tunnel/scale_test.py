"""Several connections to one mount target: each call whole on one of them, nothing on a wrong partition,
what belongs to the first stays on it, and the loss of one loses no call unseen."""
import os
import socket
import struct
import threading
import time
import unittest

from efs_test import partitions
from efs_test.partitions import (CREATE_SESSION, ERROR, PREFERRED, READY, RETRY, RETRY_LATER, UNKNOWN,
                                 MountTarget, compound, receive_record, sequence)
from efs_test.tls_peers import stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, stays, wait_for

OURS, OTHER = b"A" * 64, b"B" * 64
LOW = (5, 100000, 1, 1)  # bytes a second from which more connections are worth while


class Kernel:
    """A client with one session and a number of calls under way."""

    def __init__(self, tunnel, minor=1):
        self.connection = tunnel.connect()
        self.minor, self.xid, self.answers, self.ended = minor, 1000, {}, None
        self.connection.sendall(compound(1, CREATE_SESSION, minor=minor))
        self.session = receive_record(self.connection)[24:40]
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while message := receive_record(self.connection):
                xid, = struct.unpack("!I", message[:4])
                self.answers.setdefault(xid, []).append(message[24:])
            self.ended = "closed"
        except OSError as error:
            self.ended = error

    def call(self, reply_size=1000, body=b""):
        self.xid += 1
        self.connection.sendall(sequence(self.xid, self.session, reply_size, body, self.minor))
        return self.xid

    def leave(self):
        self.connection.shutdown(socket.SHUT_RDWR)

    def burst(self, count):
        """So many calls at once, so that they are under way together."""
        first = self.xid + 1
        self.xid += count
        sent = range(first, self.xid + 1)
        self.connection.sendall(b"".join(sequence(xid, self.session, 1000) for xid in sent))
        return sent

    def load(self, until, size=20000, depth=16, limit=WAIT):
        """Calls until the condition holds; then waits for their answers."""
        end, sent, before = time.monotonic() + limit * SCALE, [], len(self.answers)

        def under_way():
            return len(sent) - len(self.answers) + before
        while not until():
            assert time.monotonic() < end, "in time"
            assert self.ended is None, self.ended
            if under_way() < depth:
                sent.append(self.call(size))
            else:
                wait_for("an answer", lambda: under_way() < depth or self.ended)
        wait_for("all answers", lambda: under_way() <= 0)
        return sent


class Scale(TunnelTest):
    def mount(self, binding=lambda seen: (READY, OURS), tls=False, most=5, **options):
        target = self.keep(MountTarget(binding, **{"terms": LOW, **options}))
        port = self.keep(stunnel(target.port)).port if tls else target.port
        tunnel = Tunnel(port, tls=tls, start=False)
        with open(tunnel.config, "a", encoding="ascii") as config:
            config.write(f"\nmax_connections = {most}\n")
        tunnel.start()
        self.addCleanup(tunnel.stop)
        return target, tunnel

    def kernel(self, tunnel, minor=1):
        kernel = Kernel(tunnel, minor)
        self.addCleanup(kernel.connection.close)
        return kernel

    def scaled(self, target, tunnel, count=5):
        kernel = self.kernel(tunnel)
        kernel.load(lambda: len(target.bound(OURS)) == count)
        tunnel.wait_log(f"{count} connections to its mount target")
        return kernel


class Growth(Scale):
    def test_spreads_calls_over_connections_of_one_partition(self):  # TUN-12
        for tls in (False, True):
            with self.subTest(tls=tls):
                target, tunnel = self.mount(tls=tls)
                kernel = self.scaled(target, tunnel)
                kernel.load(lambda: all(len(seen.calls) > 20 for seen in target.bound(OURS)))
                self.assertEqual({len(answers) for answers in kernel.answers.values()}, {1})
                self.assertEqual({answer[0][:4] for answer in kernel.answers.values()}, {bytes(4)},
                                 "a session that the connection does not know")
                # An attempt that was not needed any more may have ended before its bind call.
                asked = [seen for seen in target.seen if seen.identifier is not None]
                self.assertEqual({seen.identifier for seen in asked}, {asked[0].identifier})
                self.assertEqual({seen.incarnation for seen in asked}, {0})
                self.assertTrue(all(seen.bound_first for seen in target.seen))

    def test_passes_the_limit_of_one_connection(self):
        # Twenty calls a second: a busy machine has time for five times as many.
        limit = 400000
        target, tunnel = self.mount(most=1, limit=limit)
        self.assertLess(self.rate(target, self.kernel(tunnel)), 1.1 * limit)
        target, tunnel = self.mount(limit=limit)
        kernel = self.scaled(target, tunnel)
        wait_for("the rate of more than three", lambda: self.rate(target, kernel) > 3.5 * limit, 60)

    @staticmethod
    def rate(target, kernel):
        """Bytes a second, of at least two."""
        before, begun = sum(seen.bytes for seen in target.seen), time.monotonic()
        kernel.load(lambda: time.monotonic() > begun + 2)
        return (sum(seen.bytes for seen in target.seen) - before) / (time.monotonic() - begun)

    def test_takes_no_connection_of_another_partition(self):
        turns = iter(range(1000))
        target, tunnel = self.mount(
            lambda seen: (READY, OURS if next(turns) % 3 == 0 else OTHER))
        kernel = self.scaled(target, tunnel)
        wait_for("the others to go", lambda: not target.bound(OTHER))
        kernel.load(lambda: all(len(seen.calls) > 20 for seen in target.bound(OURS)))
        self.assertEqual([seen.calls for seen in target.seen if seen.partition == OTHER and
                          seen.calls], [])

    def test_asks_again_after_retry_and_preferred(self):
        answers = iter([(READY, OURS), (RETRY, b"busy"), (PREFERRED, OTHER)])
        target, tunnel = self.mount(lambda seen: next(answers, (READY, OURS)))
        self.scaled(target, tunnel)

    def test_rests_after_an_answer_that_ends_the_search(self):
        for answer in ((RETRY_LATER, b"later"), (ERROR, b"no"), (UNKNOWN, b"")):
            with self.subTest(answer=answer):
                answers = iter([(READY, OURS)])
                target, tunnel = self.mount(
                    lambda seen, answers=answers, answer=answer: next(answers, answer))
                kernel = self.kernel(tunnel)
                kernel.load(lambda tunnel=tunnel: "wants no further connection" in tunnel.log())
                end = time.monotonic() + 3
                kernel.load(lambda end=end: time.monotonic() > end)
                self.assertLessEqual(target.accepted, 1 + 3, "three side by side, and no more")
                self.assertEqual(len(target.bound(OURS)), 1)


class OneConnection(Scale):
    def test_is_all_there_is_without_the_key(self):
        target, tunnel = self.mount(most=1)
        kernel = self.kernel(tunnel)
        end = time.monotonic() + 3
        kernel.load(lambda: time.monotonic() > end)
        self.assertEqual(target.accepted, 1)
        self.assertIsNone(target.seen[0].incarnation, "the private call is not made")

    def test_serves_where_the_program_is_not_served(self):  # TUN-11
        for answer in (None, "close", "garbage"):
            with self.subTest(answer=answer):
                target, tunnel = self.mount(lambda seen, answer=answer: answer)
                kernel = self.kernel(tunnel)
                kernel.load(lambda kernel=kernel: len(kernel.answers) > 50)
                self.assertEqual([seen.incarnation for seen in target.seen], [0, None],
                                 "a fresh connection without the call")
                kernel.leave()
                second = self.kernel(tunnel)
                second.load(lambda second=second: len(second.answers) > 5)
                self.assertEqual(target.accepted, 3, "it remembers")

    def test_serves_where_the_call_is_not_answered(self):
        target, tunnel = self.mount(lambda seen: "silent")
        self.kernel(tunnel).call()
        tunnel.wait_log("no answer")
        self.assertEqual(target.accepted, 2)

    def test_is_used_all_the_same_after_any_other_answer(self):
        for answer in ((RETRY, b"x"), (RETRY_LATER, b"y"), (PREFERRED, OURS), (ERROR, b"z"),
                       (UNKNOWN, b"")):
            with self.subTest(answer=answer):
                target, tunnel = self.mount(lambda seen, answer=answer: answer)
                kernel = self.kernel(tunnel)
                kernel.load(lambda kernel=kernel: len(kernel.answers) > 50)
                self.assertEqual(target.accepted, 1)

    def test_is_all_that_minor_version_0_gets(self):
        target, tunnel = self.mount()
        kernel = self.kernel(tunnel, minor=0)
        end = time.monotonic() + 3
        for _ in iter(lambda: time.monotonic() < end, False):
            kernel.call(body=bytes(20000))
        self.assertEqual(target.accepted, 1)


class Order(Scale):
    def test_what_begins_no_session_call_stays_on_the_first_connection(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        first, *others = target.bound(OURS)
        for xid in range(5000, 5040):
            kernel.connection.sendall(compound(xid, CREATE_SESSION))
            kernel.connection.sendall(partitions.call(xid + 100, partitions.NFS, 4, 0, b""))
            kernel.call()
        wait_for("answers", lambda: len(kernel.answers) >= kernel.xid - 1000 + 80)
        self.assertEqual([seen.first_only for seen in others], [[]] * 4)
        self.assertEqual(len(first.first_only), 81)

    def test_the_servers_own_calls_and_their_answers_use_the_first(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        first, *others = target.bound(OURS)
        first.connection.sendall(partitions.call(77, 0x40000000, 1, 1, bytes(8)))
        wait_for("the call", lambda: 77 in kernel.answers)
        kernel.connection.sendall(partitions.reply(77))
        wait_for("its answer", lambda: 77 in first.first_only)
        self.assertEqual([seen.first_only for seen in others], [[]] * 4)

    def test_one_that_does_not_answer_holds_no_other(self):
        stuck = []
        target, tunnel = self.mount(hold=lambda seen, xid: seen in stuck)
        kernel = self.scaled(target, tunnel)
        victim = target.bound(OURS)[2]
        stuck.append(victim)
        held = len(victim.calls)
        sent = kernel.burst(200)
        wait_for("all but what hangs there",
                 lambda: len([xid for xid in sent if xid in kernel.answers]) >=
                 200 - (len(victim.calls) - held))
        self.assertLess(len(victim.calls) - held, 200)
        self.assertIsNone(kernel.ended)


class Loss(Scale):
    def lose(self, index):
        """The connection so numbered ends with calls unanswered."""
        held = []
        target, tunnel = self.mount(hold=lambda seen, xid: held and seen is held[0])
        kernel = self.scaled(target, tunnel)
        victim = target.bound(OURS)[index]
        held.append(victim)
        before = len(victim.calls)
        while len(victim.calls) == before:
            kernel.burst(20)
            pause("calls arrive", 0.02)
        victim.connection.shutdown(2)
        return tunnel, kernel

    def test_of_a_connection_with_calls_unanswered_resets_the_client(self):
        for index in (0, 3):
            with self.subTest(index=index):
                tunnel, kernel = self.lose(index)
                wait_for("the end", lambda kernel=kernel: kernel.ended)
                self.assertIsInstance(kernel.ended, ConnectionResetError, tunnel.log())
                self.assertEqual({len(answers) for answers in kernel.answers.values()}, {1})

    def test_lets_the_others_answer_first(self):
        for _ in range(5):
            kernel, sent, theirs, seconds = self.lose_one_of_all()
            self.assertIsInstance(kernel.ended, ConnectionResetError)
            if seconds < 0.5:
                break
        else:
            self.fail("no answer within the second in which they are waited for")
        self.assertEqual([xid for xid in sent if xid in kernel.answers], sorted(theirs))

    def lose_one_of_all(self):
        """The client, what it sent, what the other connections answered, and how long after the loss of one."""
        late = {}

        def hold(seen, xid):
            if not late:
                return False
            late.setdefault(seen.number, []).append(xid)
            return True

        target, tunnel = self.mount(hold=hold)
        kernel = self.scaled(target, tunnel)
        late[-1] = []
        sent = kernel.burst(20)
        wait_for("all calls", lambda: sum(map(len, late.values())) == 20)
        lost, *others = [seen for seen in target.bound(OURS) if seen.number in late]
        theirs = [xid for seen in others for xid in late[seen.number]]
        begun = time.monotonic()
        lost.connection.shutdown(2)
        for seen in others:
            for xid in late[seen.number]:
                seen.connection.sendall(partitions.reply(xid, bytes(8)))
        seconds = time.monotonic() - begun
        wait_for("the end", lambda: kernel.ended)
        return kernel, sent, theirs, seconds

    def test_waits_for_the_others_one_second_at_most(self):
        late = []
        target, tunnel = self.mount(hold=lambda seen, xid: bool(late) and not late.append(seen))
        kernel = self.scaled(target, tunnel)
        late.append(None)
        kernel.burst(20)
        wait_for("all calls", lambda: len(late) == 21)
        watch = Stopwatch()  # before: the second may begin at once
        late[1].connection.shutdown(2)
        wait_for("the end", lambda: kernel.ended)
        self.assertLess(watch.own(), 3 * SCALE)
        self.assertGreater(watch.passed(), 0.9)

    def test_of_an_idle_further_connection_harms_nobody(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        before = tunnel.fds()
        for victim in target.bound(OURS)[1:3]:
            victim.connection.shutdown(2)
        # Seen by the tunnel: until then a call may still go to one of them.
        wait_for("their end", lambda: tunnel.fds() <= before - 2)
        sent = [kernel.call() for _ in range(50)]
        wait_for("answers", lambda: all(xid in kernel.answers for xid in sent))
        self.assertIsNone(kernel.ended)

    def test_a_reply_that_nobody_asked_for_there_is_not_passed_on(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        one = target.bound(OURS)[1]
        one.connection.sendall(partitions.reply(424242))
        wait_for("its end", lambda: one not in target.bound(OURS))
        stays("no such reply", lambda: 424242 not in kernel.answers, 0.5)
        sent = [kernel.call() for _ in range(50)]
        wait_for("answers", lambda: all(xid in kernel.answers for xid in sent))


class FurtherClients(Scale):
    def test_the_next_client_connection_is_a_new_incarnation(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        kernel.leave()
        wait_for("the end", lambda: not target.bound(OURS))
        self.kernel(tunnel)
        self.assertEqual(target.seen[-1].incarnation, 1)

    def test_a_second_one_that_lands_elsewhere_is_served_unbound(self):
        answers = iter([(READY, OURS), (READY, OTHER)])
        target, tunnel = self.mount(lambda seen: next(answers, (READY, OURS)), terms=(5, 1 << 30, 1, 1))
        self.kernel(tunnel)
        second = self.kernel(tunnel)
        wait_for("three", lambda: target.accepted == 3)
        self.assertEqual([seen.partition for seen in target.seen], [OURS, OTHER, None])
        self.assertEqual([seen.incarnation for seen in target.seen], [0, 0, None])
        second.load(lambda: len(second.answers) > 5)

    def test_share_the_limit_of_the_mount(self):
        target, tunnel = self.mount()
        kernels = [self.kernel(tunnel) for _ in range(3)]
        kernels[0].load(lambda: len(target.bound(OURS)) == 5)
        for kernel in kernels[1:]:
            end = time.monotonic() + 3
            kernel.load(lambda end=end: time.monotonic() > end)
            self.assertEqual(len(target.bound(OURS)), 5, tunnel.log())
        kernels[0].leave()
        # What it gives back, one that was busy a moment ago may have taken before anybody can see it.
        tunnel.wait_log("Connection 1 from")
        kernels[1].load(lambda: len(target.bound(OURS)) == 5)

    def test_all_connections_end_with_the_client(self):
        target, tunnel = self.mount()
        kernel = self.scaled(target, tunnel)
        before = tunnel.fds()
        kernel.leave()
        wait_for("their end", lambda: not target.bound(OURS))
        wait_for("their descriptors", lambda: tunnel.fds() <= before - 6)


if __name__ == "__main__":
    unittest.main()
