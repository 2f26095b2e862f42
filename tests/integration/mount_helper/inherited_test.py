#!/usr/bin/python3
"""mount.efs started by a careless program: SIGCHLD ignored, all signals blocked, a limit of file size,
closed descriptors. The outcome is the one it has otherwise, a signal ends it, and no message of ours goes
into a file that happens to be descriptor 2.

Contract: EX-1.
"""
import os
import resource
import signal
import subprocess
import unittest

from efs_test import mount_helper
from efs_test.mount_helper import MOUNTPOINT, HelperBench
from efs_test.processes import listening_ports, processes
from efs_test.programs import program
from efs_test.waiting import SCALE, wait_for

mount_helper.enter()


def careless():
    for signo in (signal.SIGCHLD, signal.SIGXFSZ):
        signal.signal(signo, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def signals(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith(field + ":"))
    return {number for number in range(1, 32) if mask >> (number - 1) & 1}


class Inherited(HelperBench):
    def start_by(self, prepare, closed=(), options="tls"):
        os.makedirs(MOUNTPOINT, exist_ok=True)

        def before():
            prepare()
            for fd in closed:
                os.close(fd)

        return subprocess.Popen(
            [program("mount.efs"), f"{self.fs}:/", MOUNTPOINT, "-o", options + ",rw"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={"PATH": f"{self.programs}:/usr/bin:/bin"}, start_new_session=True,
            preexec_fn=before, restore_signals=False)

    def test_the_outcome_is_the_same(self):
        self.mount()
        usual = self.code, "no NFSv4 client" in self.err
        self.finish(self.start_by(careless))
        self.assertEqual((self.code, "no NFSv4 client" in self.err), usual, self.err)
        self.assertEqual(usual, (32, True))
        self.assertNothingLeft()

    def hang(self, *arguments, **kwargs):
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        self.ports = listening_ports()
        helper = self.start_by(*arguments, **kwargs)
        self.addCleanup(lambda: helper.poll() is None and (helper.kill(), helper.wait()))
        wait_for("the tunnel", lambda: processes("efs-proxy"))
        return helper

    def test_children_can_be_waited_for_and_signals_arrive(self):
        helper = self.hang(careless)
        self.assertNotIn(signal.SIGCHLD, signals(helper.pid, "SigIgn"))
        self.assertEqual(signals(helper.pid, "SigBlk"), set())
        helper.send_signal(signal.SIGTERM)
        self.finish(helper)
        self.assertLess(self.took, 2.5 * SCALE)
        self.assertIn(f"interrupted by signal {signal.SIGTERM.value}", self.err)
        self.assertNothingLeft()

    def test_closed_descriptors_are_open_again(self):
        helper = self.hang(lambda: None, closed=(0, 2))
        for fd in (0, 2):
            self.assertEqual(os.readlink(f"/proc/{helper.pid}/fd/{fd}"), "/dev/null")
        helper.send_signal(signal.SIGTERM)
        self.finish(helper)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main()
