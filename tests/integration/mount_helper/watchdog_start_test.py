#!/usr/bin/python3
"""Which mounts start a watchdog, and that there is never a second one. FLOW-5, CSI-4, CSI-6

This process is process 1 of its namespace and, like the EFS CSI driver, reaps no stranger.
"""
import os
import signal
import socket
import subprocess
import sys
import unittest

from efs_test import mount_helper
from efs_test.files import read, write
from efs_test.machine import CONFIG, LOG
from efs_test.mount_helper import HelperBench, MOUNTPOINT, STATE
from efs_test.processes import end_all, needs_sanitizer, processes, zombies
from efs_test.programs import program, run
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, wait_for

mount_helper.enter()

NAME = "amazon-efs-moun"
PLACE = "/usr/local/sbin"


class WatchdogStart(HelperBench):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("mount", "-t", "tmpfs", "none", PLACE)

    def setUp(self):
        super().setUp()
        os.makedirs(STATE, mode=0o750)
        self.install(program("amazon-efs-mount-watchdog"))

    def tearDown(self):
        end_all(NAME)
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

    def answers(self):
        """A watchdog that was stopped comes to itself."""
        def ping():
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
                link.settimeout(WAIT)
                if link.connect_ex(f"{STATE}/watchdog.sock") != 0:
                    return False
                link.send(b'{"v": 1, "op": "ping"}')
                return bool(link.recv(4096))
        wait_for("its answer", ping)

    def ended(self, count):
        """The log, when so many mounts have said their last word in it."""
        wait_for(f"the last words of {count} mounts", lambda: read(LOG).count("Failed to mount ") >= count)
        return read(LOG)

    def test_one_for_many_mounts(self):
        self.mounts(5)
        self.assertEqual(len(processes(NAME)), 1)
        self.assertEqual([name for name in zombies() if name == NAME], [])

    def test_stopped_watchdog_gets_no_second_one(self):
        """Issue 9, A12: 1, 2, 3, 4, 5."""
        daemon = self.started()
        os.kill(daemon, signal.SIGSTOP)
        watch = Stopwatch()
        self.mount()
        self.mount()
        self.mounts(3)
        took = watch.own()
        self.assertEqual(processes(NAME), [daemon])
        self.assertEqual(zombies(), [])
        self.logged("does not answer, no other is started", f"it has process id {daemon}; is it stopped?")
        self.assertLess(took, 20 * SCALE)
        os.kill(daemon, signal.SIGCONT)
        self.answers()
        before = self.ended(5 + 1).count("does not answer")
        self.mount()
        self.assertEqual(self.ended(5 + 2).count("does not answer"), before)
        self.assertEqual(processes(NAME), [daemon])

    def test_stopped_watchdog_without_its_files_gets_no_second_one(self):
        """Issue 11, A5: rm -rf of the state directory's content took its lock and its socket away."""
        daemon = self.started()
        os.kill(daemon, signal.SIGSTOP)
        for name in ("watchdog.lock", "watchdog.sock"):
            os.unlink(f"{STATE}/{name}")
        self.mount()
        self.assertEqual(processes(NAME), [daemon])
        self.logged(f"process id {daemon}; is it stopped?")
        os.kill(daemon, signal.SIGCONT)
        self.answers()
        before = self.ended(2).count("does not answer")
        self.mount()
        self.assertEqual(self.ended(3).count("does not answer"), before)
        self.assertEqual(processes(NAME), [daemon])

    def test_lock_that_no_watchdog_holds_is_waited_for(self):
        """A12: umount.efs has it while it ends the tunnel of a dead watchdog, for up to 6 s."""
        script = ("import fcntl, os, sys\nfd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n"
                  "fcntl.flock(fd, fcntl.LOCK_EX)\nos.write(fd, b'%d\\n' % os.getpid())\n"
                  "print('held', flush=True)\nsys.stdin.read()\n")
        holder = subprocess.Popen([sys.executable, "-c", script, f"{STATE}/watchdog.lock"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        helper = self.start()
        pause("longer than a silent watchdog is waited for", 5)
        self.assertEqual(processes(NAME), [])
        holder.communicate(timeout=WAIT)
        self.finish(helper)
        self.assertEqual(len(processes(NAME)), 1, read(LOG))
        self.assertNotIn("does not answer", read(LOG))

    def test_those_that_start_too_slowly_do_not_pile_up(self):
        """A12: on a busy host each mount started one more, and all of them waited for ever."""
        script = "/run/slow-watchdog"
        with open(script, "w", encoding="ascii") as out:
            out.write(f"#!/bin/sh\n[ -e /run/quick ] || sleep 20\nexec {program('amazon-efs-mount-watchdog')} \"$@\"\n")
        os.chmod(script, 0o755)
        self.install(script)
        self.mounts(3)
        self.logged("was started but does not answer")
        self.assertEqual(processes(NAME), [])
        write("/run/quick", "")
        self.addCleanup(os.unlink, "/run/quick")
        self.mounts(3)
        self.assertEqual(len(processes(NAME)), 1)
        self.assertEqual([name for name in zombies() if name == NAME], [])

    def test_disabled_none_is_started(self):
        """A12: as it held no lock, each mount started one more, which stayed idle."""
        before, section = read(CONFIG).split("[mount-watchdog]\n")
        self.assertIn("enabled = true\n", section)
        write(CONFIG, before + "[mount-watchdog]\n" + section.replace("enabled = true\n", "enabled = false\n", 1))
        watch = Stopwatch()
        self.mount()
        self.mounts(3)
        self.assertLess(watch.own(), 10 * SCALE)
        self.assertEqual(processes(NAME), [])
        self.logged("is disabled, none is started")

    def test_dead_watchdog_gets_a_successor(self):
        daemon = self.started()
        os.kill(daemon, signal.SIGKILL)
        wait_for("its end", lambda: not processes(NAME))
        self.assertNotEqual(self.started(), daemon)

    def test_of_a_private_mount_namespace_neither_daemon_nor_tunnel_stays_there(self):
        """Issue 11, A6: they kept it, and in it copies of all other mounts of the host, alive."""
        if needs_sanitizer(program("mount.efs"), "tsan"):
            self.skipTest("ThreadSanitizer has a thread, and with two nobody enters a mount namespace")
        record = "/run/tunnel-namespace"
        self.script(f"#!/bin/sh\nreadlink /proc/self/ns/mnt >{record}\n"
                    f"exec {program('efs-proxy')} \"$@\"\n")
        ours = os.readlink("/proc/self/ns/mnt")
        mount = [program("mount.efs"), f"{self.fs}:/", MOUNTPOINT, "-o", "tls,rw"]
        os.makedirs(MOUNTPOINT, exist_ok=True)
        env = {"PATH": f"{self.programs}:/usr/bin:/bin:/usr/sbin:/sbin"}
        private = ["unshare", "--mount", "--propagation", "private"]
        subprocess.run(private + mount, timeout=60 * SCALE, env=env)
        wait_for("the watchdog", lambda: len(processes(NAME)) == 1)
        self.assertEqual(os.readlink(f"/proc/{processes(NAME)[0]}/ns/mnt"), ours)
        self.assertEqual(read(record).strip(), ours)
        # As `ip netns exec` does: then it stays where its name server is.
        script = f"mount -t tmpfs none /mnt && echo >/mnt/r && mount --bind /mnt/r /etc/resolv.conf && exec {' '.join(mount)}"
        subprocess.run(private + ["sh", "-c", script], timeout=60 * SCALE, env=env)
        self.assertNotEqual(read(record).strip(), ours)

    def test_daemon_that_ends_at_once_is_told_and_leaves_no_zombie(self):
        script = "/run/failing-watchdog"
        with open(script, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\nexit 3\n")
        os.chmod(script, 0o755)
        self.install(script)
        self.mount()
        self.logged("was started and exited with code 3")
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
        pause("more than a writer stays where it may go; one that is about to be reaped is no fault", 7)
        self.assertEqual(zombies(), [])
        self.mount()
        self.assertEqual(processes("efs-log-writer"), [writer])


if __name__ == "__main__":
    unittest.main()
