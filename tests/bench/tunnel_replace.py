#!/usr/bin/env python3
"""How long is a mount without a tunnel? Kills real efs-proxy processes under a real watchdog.

For each kill the time runs from the tunnel's exit until its successor has accepted a waiting client and that client's
first byte has reached the server. Beside it stands the same for a supervisor that looks once a second, as the product
being replaced does, in the same run.

    tests/bench/tunnel_replace.py [--bin build/release/bin] [--kills 50]
"""
import argparse
import os
import pathlib
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support/python"))

from efs_test.waiting import pause  # noqa: E402

PATIENCE = 15


def report(name, seconds):
    ordered = sorted(s * 1e3 for s in seconds)
    print("%-20s median %7.1f ms   p95 %7.1f ms   worst %7.1f ms   (%d kills)" % (
        name, statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1], len(ordered)))
    return statistics.median(ordered)


def serve_one(port, server):
    """A client that connects at once, as the kernel does; returns when its bytes are at the server."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
                client.sendall(b"call")
                upstream, _ = server.accept()
                with upstream:
                    upstream.settimeout(PATIENCE)
                    if upstream.recv(4) == b"call":
                        return time.monotonic()
        except ConnectionRefusedError:  # only the polling peer closes its port
            if time.monotonic() > deadline:
                raise
            pause("until it listens", 0.001)


def kill(pid):
    """Returns the moment of the process's end."""
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([fd], [], [], PATIENCE)
    os.close(fd)
    return time.monotonic()


def configure(path, pid_file, port, server):
    path.write_text("fips = no\npid = %s\n[efs]\naccept = 127.0.0.1:%d\nconnect = 127.0.0.1:%d" % (
        pid_file, port, server.getsockname()[1]))


def watchdog_times(bench, binary, kills, server):
    """One mount for each kill: a tunnel's first death is the common case, later ones are held back."""
    times = []

    class Replace(bench.WatchdogBench):
        def runTest(self):
            mounts = [self.mount(number) for number in range(kills)]
            self.set_table(mounts)
            self.start_watchdog()
            for mount in mounts:
                mount.hand_over_listener()
            successors = []
            for mount in mounts:
                serve_one(mount.port, server)
                ended = kill(mount.process.pid)
                times.append(serve_one(mount.port, server) - ended)
                mount.process.wait()
                successor = bench.wait_for("the new pid", lambda: mount.saved()["pid"] != mount.process.pid
                                           and mount.saved()["pid"])
                successors.append(successor)
            # The watchdog first, or it would replace them.
            self.watchdogs[0].terminate()
            self.watchdogs[0].wait(PATIENCE)
            for pid in successors:
                kill(pid)

        def mount(self, number):
            mount = bench.Mount(self, "mnt.%d" % number, start=False)
            configure(pathlib.Path(mount.config), mount.secret_dir + "/stunnel.pid", mount.port, server)
            mount.state["cmd"] = [binary, mount.config, "--no-direct-s3-read"]
            mount.spawn()
            mount.publish()
            return mount

    result = bench.unittest.TestResult()
    Replace().run(result)
    for _, trace in result.errors + result.failures:
        sys.exit(trace)
    return times


def polling_times(binary, kills, server):
    """A supervisor that looks once a second; its tunnel binds the port itself."""
    times = []
    with tempfile.TemporaryDirectory() as scratch:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        config = pathlib.Path(scratch) / "stunnel-config.peer"
        configure(config, scratch + "/peer.pid", port, server)
        command = [binary, str(config), "--no-direct-s3-read"]
        tunnel = subprocess.Popen(command)
        try:
            serve_one(port, server)
            for number in range(kills):
                ended = kill(tunnel.pid)
                tunnel.wait()
                # Spread evenly instead of by chance.
                pause("a kill falls anywhere between two looks", (number + 0.5) / kills)
                tunnel = subprocess.Popen(command)
                times.append(serve_one(port, server) - ended)
        finally:
            tunnel.kill()
            tunnel.wait()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    binary = str(options.bin.resolve() / "efs-proxy")
    os.environ["EFS_BIN"] = str(options.bin.resolve())
    from efs_test import watchdog as bench
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        ours = report("our watchdog", watchdog_times(bench, binary, options.kills, server))
        peer = report("a look each second", polling_times(binary, min(options.kills, 10), server))
    print("ratio of medians     %.3f" % (ours / peer))


if __name__ == "__main__":
    main()
