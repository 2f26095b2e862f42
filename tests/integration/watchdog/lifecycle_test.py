"""The daemon itself: start, stop, second instance, broken files, configuration."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from efs_test.files import read, write
from efs_test.waiting import wait_for
from efs_test.watchdog import Mount, PROGRAM, WatchdogBench


class Lifecycle(WatchdogBench):
    def run_once(self, *arguments, **options):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10,
                              **options)

    def test_version_help_and_bad_arguments(self):
        """WD-1, CLI-5."""
        version = self.run_once("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"^%s Version: 3\.2\.0 \(efsmount \d+\.\d+\.\d+\)\n$" % PROGRAM)
        for word in ("-h", "--help"):
            self.assertIn("usage:", self.run_once(word).stdout)
        self.assertNotEqual(self.run_once("--nonsense").returncode, 0)

    def test_only_root_can_run_it(self):
        """WD-1."""
        # Where its user can reach it, wherever the build lies.
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)
            program = shutil.copy(PROGRAM, place)
            result = subprocess.run([program], capture_output=True, text=True, timeout=10,
                                    user=65534, group=65534, extra_groups=[])
        self.assertEqual(result.returncode, 1)
        self.assertIn("only root can run", result.stderr)

    def test_sigterm_leaves_the_tunnels_running(self):
        """WD-13."""
        watchdog = self.start_watchdog()
        adopted = self.mounted("mnt.a")
        started = self.mounted("mnt.b")
        self.wait_log("supervising the tunnel", 2)
        started.kill_tunnel()
        started.process.wait()
        own = started.greeting()
        watchdog.send_signal(signal.SIGTERM)
        self.assertEqual(watchdog.wait(15), 0)
        self.assertEqual(adopted.greeting(), adopted.process.pid)
        self.assertEqual(started.greeting(), own)

    def test_second_instance_waits_and_takes_over(self):
        """UP-4, CSI-4: it must not exit, its restart loop has no delay."""
        first = self.start_watchdog()
        mount = self.mounted()
        self.wait_log("supervising the tunnel with PID")
        second = self.start_watchdog(wait=False)
        self.wait_log("another watchdog owns")
        self.assertIsNone(second.poll())
        first.kill()
        first.wait()
        self.wait_log(", is enabled and started", 2)
        self.wait_log("supervising the tunnel with PID", 2)
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.assertEqual(self.log().count("another watchdog owns"), 1)

    def test_waiting_instance_ends_by_sigterm(self):
        self.start_watchdog()
        second = self.start_watchdog(wait=False)
        self.wait_log("another watchdog owns")
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.wait(15), 0)

    def test_broken_state_file_is_told_once_and_hurts_nobody(self):
        """WD-10."""
        broken = os.path.join(self.state_dir, "fs-0123456789abcdef1.mnt.broken.20999")
        write(broken, '{"pid": ')
        mount = self.mounted()
        self.start_watchdog()
        self.wait_log("Unable to parse json in " + broken)
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.assertEqual(self.log().count("Unable to parse json in"), 1)
        write(broken, "{]")
        self.wait_log("Unable to parse json in", 2)
        self.assertEqual(read(broken), "{]")

    def test_state_file_broken_under_a_live_mount_is_not_its_end(self):
        mount = self.mounted()
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID")
        write(mount.state_path, "")
        self.wait_log("Unable to parse json in")
        mount.kill_tunnel()
        mount.process.wait()
        self.assertEqual(mount.greeting(), mount.tunnel_pid())

    def test_idle_when_disabled(self):
        """CSI-4: stays, and does nothing."""
        self.set_config("")
        write(self.config, read(self.config).replace("enabled = true", "enabled = false"))
        mount = Mount(self, "mnt.a", start=False)
        mount.publish()
        self.set_table([mount])
        watchdog = self.start_watchdog(wait=False)
        self.wait_log("is not enabled")
        self.assertIsNone(watchdog.poll())
        self.assertEqual(mount.starts(), [])
        mount.close_listener()
        self.set_config("")
        self.wait_log(", is enabled and started")
        wait_for("its tunnel", mount.starts)

    def test_disabled_under_systemd_it_ends_with_success(self):
        """WD-1."""
        write(self.config, read(self.config).replace("enabled = true", "enabled = false"))
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(self.path("notify"))
        manager.settimeout(15)
        watchdog = self.start_watchdog(wait=False, NOTIFY_SOCKET=self.path("notify"))
        self.assertEqual(watchdog.wait(15), 0)
        self.assertEqual(manager.recv(100), b"READY=1")

    def test_systemd_is_told_state_and_pinged(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(self.path("notify"))
        manager.settimeout(15)
        self.mounted()
        self.start_watchdog(NOTIFY_SOCKET=self.path("notify"), WATCHDOG_USEC="200000")
        wanted = {b"READY=1", b"WATCHDOG=1", b"STATUS=1 mounts, 1 tunnels running"}
        while wanted:
            wanted.discard(manager.recv(4096))

    def test_systemd_that_takes_nothing_holds_up_nothing(self):
        """A frozen manager, or one in a long reload: its queue is full."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(self.path("notify"))
        manager.settimeout(15)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with self.assertRaises(BlockingIOError):
                while True:
                    other.sendto(b"X=1", self.path("notify"))
        watchdog = self.start_watchdog(NOTIFY_SOCKET=self.path("notify"), WATCHDOG_USEC="200000")
        mount = self.mounted()
        mount.hand_over_listener()
        self.wait_log("supervising the tunnel")
        mount.kill_tunnel()
        wait_for("a new tunnel", lambda: len(mount.starts()) >= 2)
        said = []
        while not any(text.startswith(b"STATUS=1 mounts") for text in said):
            said.append(manager.recv(4096))
        said = [text for text in said if text != b"X=1"]
        self.assertEqual(said[0], b"READY=1")
        self.assertEqual(len([text for text in said if text.startswith(b"FDSTORE=1")]), 1)
        watchdog.terminate()
        self.assertEqual(watchdog.wait(15), 0)

    def test_broken_configuration_keeps_the_old_one(self):
        """CFG-4."""
        watchdog = self.start_watchdog()
        good = read(self.config)
        write(self.config, "[DEFAULT\nnonsense")
        self.wait_log("configuration not taken over")
        write(self.config, good.replace("enabled = true", "enabled = no"))
        self.wait_log("read again")
        self.assertIsNone(watchdog.poll())
        self.assertEqual(self.log().count("configuration not taken over"), 1)

    def test_state_directory_is_made_and_made_again(self):
        """ST-7."""
        os.rmdir(self.state_dir)
        self.start_watchdog()
        self.assertEqual(os.stat(self.state_dir).st_mode & 0o777, 0o750)

    def old_watchdog(self, prefix=(), own=True):
        """A script of that name. Its /var/run/efs is our state directory, if it is ours."""
        script = self.path("amazon-efs-mount-watchdog")
        write(script, "#!/usr/bin/python3\nimport os, sys\nprint(os.getpid(), flush=True)\n"
              "sys.stdin.read()\n", 0o755)
        os.chmod(self.root, 0o755)
        bind = "mount -t tmpfs none /run && mkdir /run/efs"
        if own:
            bind += " && mount --bind %s /run/efs" % self.state_dir
        old = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", bind + ' && exec "$@"', "sh"]
            + list(prefix) + [script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(old.stdin.close)
        self.addCleanup(old.stdout.close)
        self.old = old
        old.stdout.readline()
        old_pids = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                    and read("/proc/%s/comm" % pid).strip() == "amazon-efs-moun"]
        self.assertTrue(old_pids)
        return old

    def tearDown(self):
        if self.old:
            self.old.kill()
            self.old.wait()
        super().tearDown()

    old = None

    def dead_mount(self):
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.publish()
        self.set_table([mount])
        return mount

    def test_old_watchdog_is_left_alone_until_it_ends(self):
        """UP-4: a Python process of that name."""
        old = self.old_watchdog()
        mount = self.dead_mount()
        self.start_watchdog()
        self.wait_log("the watchdog of efs-utils runs with PID %d" % old.pid)
        self.assertEqual(mount.starts(), [])
        old.kill()
        old.wait()
        wait_for("its tunnel", mount.starts)

    def stays_at_work(self, **arguments):
        self.old_watchdog(**arguments)
        mount = self.dead_mount()
        self.start_watchdog()
        wait_for("its tunnel", mount.starts)
        self.assertNotIn("the watchdog of efs-utils", self.log())

    def test_process_of_its_name_of_another_user_does_not_matter(self):
        """Issue 9, B15: any user could make the watchdog idle."""
        self.stays_at_work(prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])

    def test_process_of_its_name_in_another_pid_namespace_does_not_matter(self):
        """B15: a pod's old watchdog never pauses the host's."""
        self.stays_at_work(prefix=["unshare", "--pid", "--fork", "--kill-child"])

    def test_process_of_its_name_in_another_user_namespace_does_not_matter(self):
        self.stays_at_work(prefix=["unshare", "--user", "--map-root-user"])

    def test_process_of_its_name_on_another_directory_does_not_matter(self):
        self.stays_at_work(own=False)


if __name__ == "__main__":
    unittest.main()
