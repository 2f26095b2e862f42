#!/usr/bin/python3
"""Which mounts start a watchdog, and that there is never a second one. FLOW-5, CSI-4, CSI-6

This process is process 1 of its namespace and, like the EFS CSI driver, reaps no stranger.
"""
import os
import signal
import time
import unittest

import helper_bench

helper_bench.enter()

import private_network  # noqa: E402
from helper_bench import (LOG, STATE, HelperBench, processes, read, wait_for)  # noqa: E402

NAME = "amazon-efs-moun"
PLACE = "/usr/local/sbin"


def zombies():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            comm, rest = read(f"/proc/{pid}/stat").split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        if rest.split()[0] == "Z":
            found.append(comm)
    return found


class WatchdogStart(HelperBench):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        private_network.run("mount", "-t", "tmpfs", "none", PLACE)

    def setUp(self):
        super().setUp()
        os.makedirs(STATE, mode=0o750)
        self.install(os.path.join(self.bin, "amazon-efs-mount-watchdog"))

    def tearDown(self):
        for pid in processes(NAME):
            os.kill(pid, signal.SIGKILL)
        wait_for("their end", lambda: not processes(NAME))
        super().tearDown()
        while True:  # those that became ours, the log writer among them
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break

    def install(self, program):
        link = f"{PLACE}/amazon-efs-mount-watchdog"
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(program, link)

    def mounts(self, count):
        helpers = [self.start(mountpoint=f"/run/mountpoint{n}") for n in range(count)]
        for helper in helpers:
            self.finish(helper)

    def started(self):
        self.mount()
        wait_for("the watchdog", lambda: len(processes(NAME)) == 1)
        return processes(NAME)[0]

    def test_one_for_many_mounts(self):
        self.mounts(5)
        self.assertEqual(len(processes(NAME)), 1)
        self.assertEqual([name for name in zombies() if name == NAME], [])

    def test_stopped_watchdog_gets_no_second_one(self):
        """Issue 9, A12: 1, 2, 3, 4, 5."""
        daemon = self.started()
        os.kill(daemon, signal.SIGSTOP)
        began = time.monotonic()
        self.mount()
        self.mount()
        self.mounts(3)
        took = time.monotonic() - began
        self.assertEqual(processes(NAME), [daemon])
        self.assertEqual(zombies(), [])
        log = read(LOG)
        self.assertIn("does not answer, no other is started", log)
        self.assertIn(f"it wrote process id {daemon}; is it stopped?", log)
        self.assertLess(took, 20 * float(os.environ.get("EFS_TIME_SCALE", "1")))
        os.kill(daemon, signal.SIGCONT)
        before = log.count("does not answer")
        self.mount()
        self.assertEqual(read(LOG).count("does not answer"), before)
        self.assertEqual(processes(NAME), [daemon])

    def test_dead_watchdog_gets_a_successor(self):
        daemon = self.started()
        os.kill(daemon, signal.SIGKILL)
        wait_for("its end", lambda: not processes(NAME))
        self.assertNotEqual(self.started(), daemon)

    def test_daemon_that_ends_at_once_is_told_and_leaves_no_zombie(self):
        script = "/run/failing-watchdog"
        with open(script, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\nexit 3\n")
        os.chmod(script, 0o755)
        self.install(script)
        self.mount()
        self.assertIn("was started and exited with code 3", read(LOG))
        self.assertEqual(zombies(), [])

    def test_log_writers_leave_no_zombie(self):
        """Mounts at once start several, of which one stays; and nobody takes the leavings of one
        that ends because nobody needs it."""
        self.install("/run/no-watchdog")
        self.tunnel(None)
        for _ in range(5):
            self.mounts(5)
            self.assertEqual(zombies(), [])
        [writer] = processes("efs-log-writer")
        time.sleep(7)  # more than it stays where it may go; the absence of an event is tested
        self.assertEqual(zombies(), [])
        self.mount()
        self.assertEqual(processes("efs-log-writer"), [writer])


if __name__ == "__main__":
    unittest.main()
