#!/usr/bin/env python3
"""How long does mount.efs take from its start to mount(2), and how much memory at its peak?

mount.efs runs against the simulator with a running watchdog, as on a host that has mounts already, in network and mount
namespaces of this script's own. Where the kernel has no NFS client the run ends at mount(2) with ENODEV; otherwise the
mount is undone at once. The stages are those of mount.efs's log at level debug. "own" is the time that is ours: the
whole time of the stages that ask nobody, and the processor time of those that wait for the metadata service, for DNS or
for the mount target.

    tests/bench/mount_time.py [--bin build/release/bin] [--runs 20] [--case iam-role ...]
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support/python"))
PEERS = ("region", "credentials", "target", "pre-flight")
STAGE = re.compile(r"stage (\S+): ([\d.]+) ms, ([\d.]+) ms computing, peak (\d+) KiB")
CASES = {
    # name: (options, goal for the peak of memory in MiB: 8 where no HTTP call is needed)
    "iam-role": ("tls,iam,region=us-east-1", 16),
    "iam-role, region asked": ("tls,iam", 16),
    "iam-profile": ("tls,iam,awsprofile=bench,region=us-east-1,az=us-east-1a", 8),
    "tls-dns": ("tls,region=us-east-1,az=us-east-1a", 8),
    "tls-address": ("tls,region=us-east-1,mounttargetip={ip}", 8),
    "plain": ("region=us-east-1,az=us-east-1a", 8),
}


def one_run(bench, options):
    machine, binary, sim = bench
    if os.path.exists(machine.LOG):
        os.unlink(machine.LOG)
    done = subprocess.run(
        [f"{binary}/measure-process", f"{binary}/mount.efs", "fs-0123456789abcdef0:/", "/run/mountpoint", "-o",
         options.format(ip=sim.ip_a) + ",rw"],
        capture_output=True, text=True, timeout=120, env={"PATH": f"{binary}:{os.environ['PATH']}"})
    figures = json.loads(done.stderr.strip().split("\n")[-1])
    log = pathlib.Path(machine.LOG).read_text(encoding="utf-8")
    if figures["code"] == 0:
        subprocess.run(["umount", "/run/mountpoint"], check=True, timeout=60)
    elif "No such device" not in log and "no NFS" not in log:
        sys.exit(done.stderr + log)
    figures["stages"] = {name: (float(passed), float(computing), int(peak) / 1024)
                         for name, passed, computing, peak in STAGE.findall(log)}
    return figures


def own_time(stages):
    return sum(computing if name in PEERS else max(passed, computing)
               for name, (passed, computing, _) in stages.items() if name != "mount")


def measure(bench, name, runs):
    options, goal = CASES[name]
    one_run(bench, options)  # warm: the file cache, the private key
    results = [one_run(bench, options) for _ in range(runs)]
    stages = list(results[0]["stages"])

    def middle(values):
        return statistics.median(list(values))

    print(f"\n{name}: -o {options}")
    for stage in stages:
        passed = middle(r["stages"][stage][0] for r in results)
        computing = middle(r["stages"][stage][1] for r in results)
        peak = middle(r["stages"][stage][2] for r in results)
        print(f"  {stage:<12} {passed:8.2f} ms, {computing:6.2f} ms computing, peak {peak:5.2f} MiB"
              + ("   (waits for peers)" if stage in PEERS else ""))
    own = sorted(own_time(r["stages"]) for r in results)
    print(f"  own          {statistics.median(own):8.2f} ms, best {own[0]:.2f}, worst {own[-1]:.2f} ms (goal 30 ms)")
    print(f"  start to end {middle(r['ms'] for r in results):8.2f} ms, "
          f"processor time with children {middle(r['cpu_ms'] for r in results):.2f} ms")
    peak = max(r["stages"][stages[-1]][2] for r in results)
    print(f"  peak memory  {peak:8.2f} MiB (goal {goal} MiB)")


def claim_nfs():
    """mount.efs does not begin where the kernel has no NFS client: let it believe there is one."""
    with open("/proc/filesystems", encoding="ascii") as real:
        text = real.read()
    if "\tnfs4\n" in text:
        return
    claimed = pathlib.Path("/run/filesystems")
    claimed.write_text(text + "nodev\tnfs4\n", encoding="ascii")
    subprocess.run(["mount", "--bind", str(claimed), "/proc/filesystems"], check=True, timeout=30)


def prepare(machine, sim, home):
    machine.write_config(stunnel_cafile=f"{sim.work}/ca.pem")
    config = pathlib.Path(machine.CONFIG)
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?m)^logging_level.*$", "logging_level = DEBUG", text), encoding="utf-8")
    os.makedirs(f"{home}/.aws", mode=0o700, exist_ok=True)
    keys = sim.config["identities"][0]
    credentials = pathlib.Path(f"{home}/.aws/credentials")
    credentials.write_text(
        f"[bench]\naws_access_key_id = {keys['access_key_id']}\naws_secret_access_key = {keys['secret_access_key']}\n"
        f"aws_session_token = {keys['session_token']}\n", encoding="utf-8")
    credentials.chmod(0o600)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--case", action="append", choices=list(CASES))
    options = parser.parse_args()
    binary = str(options.bin.resolve())
    os.environ["EFS_BIN"] = binary
    from efs_test import machine
    from efs_test.simulator import ROLE, Simulator
    machine.enter()
    machine.build()
    sim = Simulator(dns={"listen": "127.0.0.1:53"}, nfs_port=2049)
    sim.config["imds"]["listen"] = "169.254.169.254:80"
    sim.config["identities"] = [dict(ROLE, session_token="tok/en+with=chars")]
    sim.save()
    claim_nfs()
    # The home directory of root is the machine's own: an empty one over it.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/root"], check=True, timeout=30)
    sim.start()
    watchdog = None
    try:
        prepare(machine, sim, "/root")
        watchdog = subprocess.Popen([f"{binary}/amazon-efs-mount-watchdog"], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        for name in options.case or CASES:
            measure((machine, binary, sim), name, options.runs)
    finally:
        if watchdog:
            watchdog.terminate()
            watchdog.wait(20)
        sim.stop()


if __name__ == "__main__":
    main()
