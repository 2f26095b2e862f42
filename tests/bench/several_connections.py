#!/usr/bin/env python3
"""What do several connections bring where the server limits each? efs-proxy with max_connections = 5 beside 1.

A mount target with partitions (efs_test.partitions) gives each connection --limit MiB/s; a client keeps 64 calls
of 1 MiB under way, as a reading kernel does. Printed: MiB/s of one connection and of five, how long after the
threshold was passed five were there and the rate had reached nine tenths of what it then was, and memory at
rest before, under full load, and after.

    tests/bench/several_connections.py [--bin build/release/bin] [--limit 20] [--seconds 5] [--tls]
"""
import argparse
import os
import pathlib
import socket
import statistics
import struct
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support/python"))
from efs_test.waiting import pause  # noqa: E402, pylint: disable=wrong-import-position
REPLY = 1 << 20
SLOTS = 64


class Meter:
    """Answers received and when, by a thread that only counts."""

    def __init__(self, connection, session, sequence):
        self.connection, self.session, self.sequence = connection, session, sequence
        self.slots, self.bytes, self.stop, self.xid = threading.Semaphore(SLOTS), 0, False, 1 << 20
        self.threads = [threading.Thread(target=self.until_the_end, args=(work,), daemon=True)
                        for work in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def until_the_end(work):
        try:
            work()
        except OSError:  # the tunnel was stopped
            pass

    def send(self):
        while not self.stop:
            if self.slots.acquire(timeout=1):
                self.xid += 1
                self.connection.sendall(self.sequence(self.xid, self.session, REPLY))

    def receive(self):
        buffer = bytearray(1 << 20)
        left = 0
        while True:
            if left == 0:
                head = self.connection.recv(4, socket.MSG_WAITALL)
                if len(head) < 4:
                    return
                left = struct.unpack("!I", head)[0] & 0x7FFFFFFF
            got = self.connection.recv_into(buffer, min(left, len(buffer)))
            if not got:
                return
            left -= got
            self.bytes += got
            if left == 0:
                self.slots.release()

    def rate(self, seconds):
        before, began = self.bytes, time.monotonic()
        pause("the measured time", seconds)
        return (self.bytes - before) / (time.monotonic() - began) / (1 << 20)


def memory_kib(pid):
    """PSS and what is this process's alone."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        values = {line.split(":")[0]: int(line.split()[1]) for line in rollup if " kB" in line}
    return values["Pss"], values["Private_Clean"] + values["Private_Dirty"]


class Run:
    """One tunnel with so many connections, under load."""

    def __init__(self, most, options):
        from efs_test import partitions, tls_peers, tunnel
        limit = options.limit << 20
        # The threshold is half of what one connection may carry, exceeded for one second.
        self.target = partitions.MountTarget(lambda seen: (partitions.READY, b"A" * 64),
                                             terms=(5, limit // 2, 1, 1), limit=limit)
        self.peer = tls_peers.stunnel(self.target.port) if options.tls else None
        port = self.peer.port if self.peer else self.target.port
        self.tunnel = tunnel.Tunnel(port, tls=options.tls, debug=False, start=False)
        with open(self.tunnel.config, "a", encoding="ascii") as config:
            config.write(f"\nmax_connections = {most}\n")
        self.tunnel.start()
        self.idle = memory_kib(self.tunnel.pid)
        self.connection = self.tunnel.connect()
        self.connection.sendall(partitions.compound(1, partitions.CREATE_SESSION))
        session = partitions.receive_record(self.connection)[24:40]
        self.began = time.monotonic()
        self.meter = Meter(self.connection, session, partitions.sequence)

    def bound(self):
        return len(self.target.bound(b"A" * 64))

    def steps_until_five(self):
        """Seconds from the load's begin until five connections were there, and the bytes moved at each tenth."""
        points, there = [], None
        while time.monotonic() - self.began < 10:
            points.append((time.monotonic() - self.began, self.meter.bytes))
            if there is None and self.bound() == 5:
                there = points[-1][0]
            pause("a tenth of the curve", 0.1)
        return there, points

    def stop(self):
        self.meter.stop = True
        self.connection.shutdown(socket.SHUT_RDWR)
        self.tunnel.stop()
        for thing in (self.peer, self.target):
            if thing:
                thing.close()


def reached(points, full):
    """When the rate of the last half second was nine tenths of `full` for the first time."""
    for index in range(5, len(points)):
        (begin, before), (end, after) = points[index - 5], points[index]
        if (after - before) / (end - begin) / (1 << 20) >= 0.9 * full:
            return end
    return float("nan")


def one_round(options):
    one = Run(1, options)
    pause("the load settles", 1)
    alone = one.meter.rate(options.seconds)
    one.stop()
    five = Run(5, options)
    there, points = five.steps_until_five()
    together = five.meter.rate(options.seconds)
    loaded = memory_kib(five.tunnel.pid)
    five.meter.stop = True
    pause("memory is given back", 6)
    after = memory_kib(five.tunnel.pid)
    five.stop()
    # The server's threshold is exceeded from the load's begin on, and judged over one second.
    return alone, together, (there or float("nan")) - 1, reached(points, together) - 1, five.idle, loaded, after


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--limit", type=int, default=20, help="MiB/s of one connection")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    os.environ["EFS_BIN"] = str(options.bin.resolve())
    from efs_test import tls_peers
    tls_peers.Child.LIMIT = 3600
    rounds = []
    for _ in range(options.rounds):
        rounds.append(one_round(options))
        alone, together, there, full, idle, loaded, after = rounds[-1]
        print(f"one {alone:6.1f} MiB/s   five {together:6.1f}   ratio {together / alone:4.2f}   five there after "
              f"{there:4.2f} s   full rate after {full:4.2f} s   PSS/private KiB idle {idle[0]}/{idle[1]} "
              f"loaded {loaded[0]}/{loaded[1]} after {after[0]}/{after[1]}", flush=True)
    ratios = sorted(together / alone for alone, together, *_ in rounds)
    print(f"ratio: median {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); full rate after "
          f"{statistics.median(entry[3] for entry in rounds):.2f} s beyond the second that the threshold asks for")


if __name__ == "__main__":
    main()
