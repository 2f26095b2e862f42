#!/usr/bin/python3
"""SIGINT, SIGTERM and SIGKILL at each stage of mount.efs: a signal ends it within two seconds, says so,
and leaves nothing; after SIGKILL, and only then, something is left, and the watchdog removes it at once.

Contract: EX-1, FLOW-1, FLOW-2, ST-6, section 7.
"""
import fcntl
import os
import signal
import subprocess
import unittest

from efs_test import mount_helper
from efs_test.files import read
from efs_test.machine import LOG
from efs_test.mount_helper import HelperBench, STATE
from efs_test.processes import end_all, listening_ports, processes
from efs_test.programs import program
from efs_test.waiting import SCALE, stays, wait_for

mount_helper.enter()

SILENT_TUNNEL = "#!/bin/sh\nexec sleep 60\n"


class Signals(HelperBench):
    def log_says(self, words):
        return lambda: os.path.exists(LOG) and words in read(LOG)

    def stages(self):
        """(name, what holds the helper there, how to see that it is there)"""
        sim, fs = self.sim, self.fs
        target = f"target {fs} us-east-1a"
        pending = lambda: any(name.startswith("~") for name in self.state_files())  # noqa: E731
        accepted = lambda: any("Accepted" in read(f"/var/log/amazon/efs/{name}") for name in  # noqa: E731
                               os.listdir("/var/log/amazon/efs") if name.endswith("proxy.log"))
        yield ("region and zone", lambda: sim.ctl("imds slow 900"), self.log_says("version="))
        yield ("name service", lambda: sim.ctl("dns slow 4000"), self.log_says("region "))
        yield ("credentials", lambda: sim.ctl("credentials ecs blackhole"), self.log_says("region "))
        yield ("turn to start the watchdog", lambda: self.hold("watchdog-start.lock"),
               self.log_says("mount target"))
        yield ("tunnel's start", lambda: self.script(SILENT_TUNNEL), pending)
        yield ("TCP connection to the server", lambda: sim.ctl(target + " blackhole"), accepted)
        yield ("TLS handshake", lambda: sim.ctl("tls handshake-stall on"), accepted)
        # Other mounts may hold it for as long as the kernel waits for their servers.
        served = lambda: any("ended after" in read(f"/var/log/amazon/efs/{name}") for name in  # noqa: E731
                             os.listdir("/var/log/amazon/efs") if name.endswith("proxy.log"))
        yield ("turn to name the client to the kernel",
               lambda: self.hold("client-identifier.lock"), served)
        yield ("pause before another attempt", lambda: sim.ctl(target + " refuse"),
               self.log_says("mount attempt 1/3"))

    def hold(self, name):
        os.makedirs(STATE, mode=0o750, exist_ok=True)
        lock = open(f"{STATE}/{name}", "w", encoding="ascii")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)

    def test_a_signal_ends_it_at_each_stage(self):
        for signo in (signal.SIGINT, signal.SIGTERM):
            for name, hold, there in self.stages():
                with self.subTest(stage=name, signal=signo.name):
                    self.tearDown()  # the last stage's hold
                    self.setUp()
                    hold()
                    self.ports = listening_ports()
                    options = "tls"
                    if name == "credentials":
                        options += ",iam,awscredsuri=/v2/credentials/efs-client"
                    helper = self.start(options)
                    wait_for(name, there)
                    helper.send_signal(signo)
                    self.finish(helper)
                    self.assertLess(self.took, 2.5 * SCALE)
                    self.assertIn(self.code, (1, 32), self.err)
                    self.assertIn(f"interrupted by signal {signo.value}", self.err)
                    self.assertNothingLeft()

    def watchdog(self):
        """Ours, as the service manager would start it; it dies with the test."""
        daemon = subprocess.Popen([program("amazon-efs-mount-watchdog")],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL,
                                  env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        self.addCleanup(lambda: (daemon.kill(), daemon.wait()))
        wait_for("the watchdog", lambda: os.path.exists(f"{STATE}/watchdog.sock"))
        return daemon

    def test_what_a_killed_helper_leaves_is_removed_at_once(self):  # FLOW-1
        os.makedirs(STATE, mode=0o750)
        self.watchdog()
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        helpers = [self.start(mountpoint=f"/run/mountpoint{n}") for n in range(3)]
        wait_for("three tunnels", lambda: len(processes("efs-proxy")) == 3)
        # The watchdog looks once a second: a living helper's tunnel is not touched.
        stays("three tunnels", lambda: len(processes("efs-proxy")) == 3, 2.5)
        for helper in helpers[:2]:
            helper.kill()
            self.finish(helper)
        wait_for("the end of two tunnels", lambda: len(processes("efs-proxy")) == 1, 12)
        wait_for("their files' end", lambda: sum(name.startswith("~") for name in
                                                 self.state_files()) == 1, 12)
        self.assertIsNone(helpers[2].poll())
        helpers[2].terminate()
        self.finish(helpers[2])
        self.assertNothingLeft()

    def test_locks_die_with_their_process(self):  # ST-6
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        os.makedirs(STATE, mode=0o750)
        helpers = [self.start(mountpoint=f"/run/mountpoint{n}") for n in range(5)]
        wait_for("five tunnels", lambda: len(processes("efs-proxy")) == 5)
        for helper in helpers:
            helper.kill()
            self.finish(helper)
        self.sim.ctl(f"target {self.fs} us-east-1a ok")
        self.mount()
        self.assertEqual(self.code, 32, self.err)
        self.assertIn("no NFSv4 client", self.err)
        end_all("efs-proxy")


if __name__ == "__main__":
    unittest.main()
