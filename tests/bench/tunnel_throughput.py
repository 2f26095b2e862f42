#!/usr/bin/env python3
"""What does a tunnel cost? efs-proxy (TLS and plain) beside stunnel, in one run on this machine.

Throughput and CPU seconds per GiB of records of 1 MiB each way, as a mount with rsize and wsize of
1 MiB moves them, and the memory of an idle tunnel. The server's end is the same stunnel process for
both. What counts are the ratios: both suffer from the same neighbours.

    tests/bench/tunnel_throughput.py [--bin build/release/bin] [--gib 2] [--before PROGRAM]

--before names another efs-proxy to compare with, for example of the commit before.
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
RECORD = 1 << 20
SMALL = 128  # a READ call, a WRITE reply
WORD = 9
SLOTS = 64  # calls under way at once, as the kernel's sessions have by default
TICKS = os.sysconf("SC_CLK_TCK")


def header(xid, direction, size=RECORD):
    return struct.pack("!III", 0x80000000 | (8 + size), xid, direction)


def read_all(connection, size, buffer):
    while size:
        size -= connection.recv_into(buffer, min(size, len(buffer))) or sys.exit("connection ended")


def serve(connection):
    """A call of u or d and a number of records; then that many WRITEs or READs."""
    payload, buffer = bytes(RECORD), bytearray(RECORD)
    while call := connection.recv(12 + WORD, socket.MSG_WAITALL):
        way, count = call[12:13], int(call[13:])
        connection.sendall(header(0, 1, 0))
        for xid in range(1, count + 1):
            read_all(connection, 12 + (RECORD if way == b"u" else SMALL), buffer)
            if way == b"u":
                connection.sendall(header(xid, 1, SMALL) + bytes(SMALL))
            else:
                connection.sendall(header(xid, 1) + payload)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def transfer(connection, way, count):
    buffer = bytearray(RECORD)
    connection.sendall(header(0, 0, WORD) + way + b"%08d" % count)
    read_all(connection, 12, buffer)
    slots = threading.Semaphore(SLOTS)

    def send():
        size = RECORD if way == b"u" else SMALL
        payload = bytes(size)
        for xid in range(1, count + 1):
            slots.acquire()
            connection.sendall(header(xid, 0, size) + payload)

    sender = threading.Thread(target=send)
    sender.start()
    for _ in range(count):
        read_all(connection, 12 + (SMALL if way == b"u" else RECORD), buffer)
        slots.release()
    sender.join()


def measure(pid, port, gib):
    """Seconds of CPU and MiB/s for each way."""
    result = {}
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for way in (b"u", b"d"):
            transfer(connection, way, 64)  # warm
            count = int(gib * 1024)
            cpu, began = cpu_seconds(pid), time.monotonic()
            transfer(connection, way, count)
            result[way] = ((cpu_seconds(pid) - cpu) / gib, count / (time.monotonic() - began))
    return result


def memory_kib(pid):
    """RSS, and the part that is this process's alone."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        values = {line.split(":")[0]: int(line.split()[1]) for line in rollup if " kB" in line}
    return values["Rss"], values["Private_Clean"] + values["Private_Dirty"]


def stunnel_client(tls_peers, server_port):
    certs, port = tls_peers.Certificates.get(), tls_peers.free_port()
    path = certs.path(f"client.{port}")
    with open(path, "w") as out:
        out.write(f"foreground = yes\npid =\ndebug = err\nsocket = l:TCP_NODELAY=1\n"
                  f"socket = r:TCP_NODELAY=1\n[efs]\nclient = yes\naccept = 127.0.0.1:{port}\n"
                  f"connect = 127.0.0.1:{server_port}\ncert = {certs.client[0]}\n"
                  f"key = {certs.client[1]}\nCAfile = {certs.ca}\nverifyChain = yes\n"
                  f"checkHost = {tls_peers.NAME}\n")
    child = tls_peers.Child(["stunnel", path], port)
    with open(f"/proc/{child.process.pid}/task/{child.process.pid}/children") as children:
        return child, int(children.read().split()[0])  # below timeout(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["EFS_BIN"] = str(options.bin.resolve())
    sys.path.insert(0, str(ROOT / "tests/support/python"))
    from efs_test import servers, tls_peers, tunnel
    tls_peers.Child.LIMIT = 3600
    backend = servers.Server(serve)
    server = tls_peers.stunnel(backend.port, options="socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1")
    ours = tunnel.Tunnel(server.port, tls=True, debug=False)
    plain = tunnel.Tunnel(backend.port, debug=False)
    peer, peer_pid = stunnel_client(tls_peers, server.port)
    peers = {"efs-proxy TLS": (ours.pid, ours.port), "stunnel": (peer_pid, peer.port),
             "efs-proxy plain": (plain.pid, plain.port)}
    others = []
    if options.before:
        for name, target, tls in (("before TLS", server.port, True), ("before plain", backend.port, False)):
            others.append(tunnel.Tunnel(target, tls=tls, debug=False, argv0=str(options.before)))
            peers[name] = (others[-1].pid, others[-1].port)
    try:
        idle = {name: memory_kib(pid) for name, (pid, _) in peers.items()}
        runs = {name: [] for name in peers}
        for _ in range(options.rounds):  # in turn, so that a disturbance meets all
            for name, (pid, port) in peers.items():
                runs[name].append(measure(pid, port, options.gib))
        median = {(name, way, what): statistics.median(run[way][what] for run in runs[name])
                  for name in peers for way in (b"u", b"d") for what in (0, 1)}
        print(f"{'':16} {'CPU s/GiB up':>13} {'down':>7} {'MiB/s up':>9} {'down':>7} {'idle RSS KiB':>13} {'private':>8}")
        for name in peers:
            print(f"{name:16} {median[name, b'u', 0]:13.2f} {median[name, b'd', 0]:7.2f} "
                  f"{median[name, b'u', 1]:9.0f} {median[name, b'd', 1]:7.0f} {idle[name][0]:13} {idle[name][1]:8}")
        for label, key in (("CPU up", (b"u", 0)), ("CPU down", (b"d", 0)), ("MiB/s up", (b"u", 1)),
                           ("MiB/s down", (b"d", 1))):
            print(f"ratio {label:12} efs-proxy TLS / stunnel {median['efs-proxy TLS', *key] / median['stunnel', *key]:.2f}")
        print(f"ratio idle RSS     efs-proxy TLS / stunnel {idle['efs-proxy TLS'][0] / idle['stunnel'][0]:.2f}, "
              f"private {idle['efs-proxy TLS'][1] / idle['stunnel'][1]:.2f}")
    finally:
        for thing in (ours, plain, *others):
            thing.stop()
        for thing in (peer, server, backend):
            thing.close()


if __name__ == "__main__":
    main()
