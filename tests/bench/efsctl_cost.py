#!/usr/bin/python3
"""What efsctl costs on a host with many mounts: time, processor, memory of status, metrics and top, and whether a call names a mount.

  PYTHONPATH=tests/support/python EFS_BIN=build/release/bin python3 tests/bench/efsctl_cost.py [MOUNTS]

A watchdog on a state directory of its own, so many state files, a made-up mount table and NFS statistics of the same size. With strace it is
seen that no call names a mount point, so that none can wait for one that hangs.
"""
import json
import os
import resource
import subprocess
import sys
import time
import unittest

from efs_test.files import read, write
from efs_test.programs import program
from efs_test.waiting import WAIT
from efs_test.watchdog import WatchdogBench

MOUNTS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1000
OPERATIONS = "".join(f"\t        OP{number}: 10 10 0 1000 1000 0 10 10 0\n" for number in range(60))


class Cost(WatchdogBench):
    def many(self):
        table = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
        stats = []
        for number in range(MOUNTS):
            port, point = 20049 + number, f"/mnt/hung/{number}"
            table.append(f"{100 + number} 22 0:{50 + number} / {point} rw - nfs4 127.0.0.1:/ rw,port={port},addr=127.0.0.1")
            stats.append(f"device 127.0.0.1:/ mounted on {point} with fstype nfs4 statvers=1.1\n\topts:\trw,port={port}\n"
                         f"\txprt:\ttcp 0 0 1 0 0 9 9 0 0 0\n\tper-op statistics\n{OPERATIONS}")
            name = f"fs-{number:017x}.mnt.hung.{number}.{port}"
            write(os.path.join(self.state_dir, name), json.dumps(
                {"pid": -1, "cmd": [], "files": [], "mount_time": time.time(), "mountpoint": point}))
        write(self.mountinfo, "\n".join(table) + "\n")
        write(self.path("mountstats"), "".join(stats))

    def measured(self, *words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        subprocess.run([program("efsctl"), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=4 * WAIT)
        took = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return took, processor, after.ru_maxrss / 1024

    def test_cost(self):
        self.many()
        self.start_watchdog()
        places = ["--state-dir", self.state_dir, "--mountinfo", self.mountinfo]
        commands = {"status": ["status", *places], "status --json": ["status", "--json", *places], "metrics": ["metrics", *places],
                    "top, each look": ["top", "-d", "1", "-n", "3", *places, "--mountstats", self.path("mountstats")]}
        print(f"\n| {MOUNTS} mounts | time | processor | peak of memory |\n|---|---|---|---|")
        for name, words in commands.items():
            took, processor, peak = self.measured(*words)
            if name.startswith("top"):
                took, processor = (took - 3) / 4, processor / 4
            print(f"| {name} | {took:.2f} s | {processor:.2f} s | {peak:.0f} MiB |", flush=True)
        for name, words in commands.items():
            subprocess.run(["strace", "-f", "-e", "trace=%file", "-o", self.path("trace"), program("efsctl"), *words],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20 * WAIT)
            calls = read(self.path("trace")).splitlines()
            self.assertGreater(len(calls), MOUNTS)
            self.assertEqual([call for call in calls if "/mnt/hung" in call], [], name)
        print("no call of any of them names a mount point")


if __name__ == "__main__":
    unittest.main(verbosity=2)
