#!/usr/bin/env python3
"""What does the watchdog cost, and how fast is it, with 1, 10, 100 and 1000 mounts?

Real efs-proxy processes under a real watchdog; the mount table is a file. For each size: CPU and wake-ups over an idle
while, memory, the time from a tunnel's death to its successor's pid in the state file, the time a new watchdog needs to
adopt all tunnels. Beside it the figures of efs-utils 3.2.0's watchdog, measured once on a machine of this kind.

    tests/bench/watchdog_scale.py [--bin build/release/bin] [--sizes 1,10,100,1000] [--idle 30] [--kills 100]
"""
import argparse
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support/python"))

from efs_test.waiting import pause  # noqa: E402

# ms of CPU per poll, each second.
OLD_CPU = {10: 13, 100: 141, 1000: 1330}
GOALS = "goals at 1000: idle <= 0.1 % of a core, <= 16 MiB, replace p99 <= 50 ms, adoption <= 2 s"


def cpu_ms(pid):
    """Nanosecond clock of the scheduler, not the ticks of /proc/<pid>/stat."""
    return int(pathlib.Path("/proc/%d/schedstat" % pid).read_text().split()[0]) / 1e6


def status(pid, key):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def pss_kib(pid):
    for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(bench, tunnel, size, idle, kills):
    result = {}

    class Scale(bench.WatchdogBench):
        def runTest(self):
            # INFO, as shipped.
            bench.write(self.config, bench.read(self.config).replace("DEBUG", "INFO"))
            self.first = [self.mount(number) for number in range(size)]
            self.set_table(self.mounts)
            started = time.monotonic()
            watchdog = self.start_watchdog()
            bench.wait_for("adoption", self.adopted, 60)
            result["adopt_first"] = time.monotonic() - started
            watchdog.kill()
            watchdog.wait()
            os.rename(self.log_path, self.log_path + ".first")
            started = time.monotonic()
            watchdog = self.start_watchdog()
            bench.wait_for("adoption", self.adopted, 60)
            result["adoption"] = time.monotonic() - started
            pause("everything its start has caused is over", 12)
            self.rest(watchdog.pid)
            result["rss"] = status(watchdog.pid, "VmRSS")
            result["pss"] = pss_kib(watchdog.pid)
            result["replace"] = [self.replace(self.mounts[i]) for i in range(min(kills, size))]

        def adopted(self):
            return bench.read(self.log_path).count("supervising the tunnel with PID") >= size

        def mount(self, number):
            mount = bench.Mount(self, "mnt.%d" % number, start=False)
            bench.write(mount.config, "fips = no\npid = %s/stunnel.pid\n[efs]\naccept = 127.0.0.1:%d\n"
                        "connect = 127.0.0.1:1" % (mount.secret_dir, mount.port))
            mount.state["cmd"] = [tunnel, mount.config, "--no-direct-s3-read"]
            mount.first = subprocess.Popen(
                ["/bin/sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh"] + mount.state["cmd"],
                preexec_fn=lambda: os.dup2(mount.listener.fileno(), 3), pass_fds=[3], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.tunnel_pids.append(mount.first.pid)
            bench.wait_for("its counters", lambda: os.path.exists(
                os.path.join(self.state_dir, "tunnel-counters." + mount.name)))
            mount.close_listener()
            mount.state["pid"] = mount.first.pid
            mount.publish()
            return mount

        def rest(self, pid):
            cpu, wakes = cpu_ms(pid), status(pid, "voluntary_ctxt_switches")
            pause("idle", idle)
            result["cpu"] = (cpu_ms(pid) - cpu) / idle / 10  # % of a core
            result["wakes"] = (status(pid, "voluntary_ctxt_switches") - wakes) * 60 / idle

        def replace(self, mount):
            fd = os.pidfd_open(mount.first.pid)
            os.kill(mount.first.pid, signal.SIGKILL)
            select.select([fd], [], [], 15)
            ended = time.monotonic()
            os.close(fd)
            while True:
                pid = mount.saved()["pid"]
                if pid != mount.first.pid:
                    break
                pause("until its pid is in the file", 0.0005)
            taken = time.monotonic() - ended
            mount.first.wait()
            self.tunnel_pids.remove(mount.first.pid)
            self.tunnel_pids.append(pid)
            return taken

    outcome = bench.unittest.TestResult()
    Scale().run(outcome)
    for _, trace in outcome.errors + outcome.failures:
        sys.exit(trace)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--sizes", default="1,10,100,1000")
    parser.add_argument("--idle", type=int, default=30)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    os.environ["EFS_BIN"] = str(options.bin.resolve())
    import resource
    from efs_test import watchdog as bench
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("| mounts | idle CPU, % of a core | efs-utils 3.2.0 | wake-ups/min | RSS MiB | PSS MiB | replace p50 ms | p99 ms | "
          "adoption s |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    for size in map(int, options.sizes.split(",")):
        r = measure(bench, str(options.bin.resolve() / "efs-proxy"), size, options.idle, options.kills)
        old = "%.1f" % (OLD_CPU[size] / 10) if size in OLD_CPU else ""
        print("| %d | %.4f | %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.2f |" % (
            size, r["cpu"], old, r["wakes"], r["rss"] / 1024, r["pss"] / 1024, percentile(r["replace"], 0.5) * 1e3,
            percentile(r["replace"], 0.99) * 1e3, r["adoption"]), flush=True)
    print(GOALS)


if __name__ == "__main__":
    main()
