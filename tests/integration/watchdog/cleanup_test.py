"""After the unmount nothing is left, and before it nothing is touched."""
import os
import signal
import socket
import subprocess
import time
import unittest

from efs_test.files import read, write
from efs_test.processes import alive, open_files
from efs_test.waiting import PATIENCE, SCALE, Stopwatch, stays, wait_for
from efs_test.watchdog import Mount, WatchdogBench

# decide.h: kUnusedBeforeStop
CONSISTENCY = 2.0


class CleanUp(WatchdogBench):
    def supervised(self, point="mnt.a"):
        mount = self.mounted(point)
        mount.hand_over_listener()
        self.wait_log("%s: supervising the tunnel with PID" % mount.name)
        return mount

    def assert_nothing_left(self, mount):
        wait_for("the end of the clean-up", lambda: not os.path.exists(mount.state_path))
        self.assertFalse(alive(mount.tunnel_pid()))
        left = [name for name in os.listdir(self.state_dir) if mount.name in name]
        self.assertEqual(left, [])
        self.wait_for_free_port(mount)

    def wait_for_free_port(self, mount):
        def is_free():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", mount.port)) != 0
        wait_for("the free port", is_free)

    def test_unmounted_mount_is_cleaned_up(self):
        """WD-5: tunnel, state file, tunnel config, certificate directory, port."""
        self.start_watchdog()
        mount = self.supervised()
        keeper = self.supervised("mnt.b")
        unmounted_at = time.monotonic()  # before: the watchdog may see the table first
        self.set_table([keeper])
        self.assert_nothing_left(mount)
        self.assertGreater(time.monotonic() - unmounted_at, CONSISTENCY)
        for anchor in ('No mount found for "%s"' % mount.name,
                       "Unmount grace period expired for %s" % mount.name,
                       "Sending signal SIGTERM(15) to stunnel. PID: %d" % mount.tunnel_pid(),
                       "is no longer running, cleaning up state"):
            self.wait_log(anchor)
        self.assertEqual(keeper.greeting(), keeper.process.pid)

    def test_tunnel_lives_while_the_kernel_holds_its_port_and_is_even_replaced(self):
        """WD-5: DESTROY_SESSION needs an answer."""
        self.start_watchdog()
        mount = self.supervised()
        self.set_kernel_clients([mount])
        self.set_table([])
        self.wait_log('No mount found for "%s"' % mount.name)
        mount.kill_tunnel()
        mount.process.wait()
        pid = mount.greeting()
        self.assertNotEqual(pid, mount.process.pid)
        stays("the tunnel of a held port", lambda: alive(pid), CONSISTENCY + 1.5)
        client = mount.connect()  # the kernel comes back to the new tunnel ...
        self.assertEqual(mount.greeting(client), pid)
        self.set_kernel_clients([])
        stays("the tunnel of the kernel's last words", lambda: alive(pid), 6)
        client.close()  # ... and is done
        self.assert_nothing_left(mount)

    def test_tunnel_with_a_connected_client_is_never_stopped(self):
        """WD-5: who is connected uses the mount."""
        self.start_watchdog()
        mount = self.supervised()
        client = mount.connect()
        pid = mount.greeting(client)
        self.set_table([])
        self.wait_log('No mount found for "%s"' % mount.name)
        stays("the tunnel with a client", lambda: alive(pid), CONSISTENCY + 1.5)
        client.close()
        self.assert_nothing_left(mount)

    def test_mount_that_comes_back_is_mounted(self):
        """WD-5 FIX: unmount_time is cleared."""
        self.start_watchdog()
        mount = self.supervised()
        self.set_table([])
        wait_for("unmount_time", lambda: "unmount_time" in mount.saved())
        self.set_table([mount])
        wait_for("a cleared unmount_time", lambda: "unmount_time" not in mount.saved())
        stays("the tunnel", lambda: alive(mount.process.pid), CONSISTENCY + 1)
        self.assertEqual(mount.greeting(), mount.process.pid)

    def test_unreadable_mount_table_means_nothing(self):
        """WD-4: a torn table made the old watchdog kill live tunnels."""
        self.start_watchdog()
        mount = self.supervised()
        write(self.mountinfo, "")
        self.wait_log("no unmount can be noticed")
        stays("the tunnel", lambda: alive(mount.process.pid), CONSISTENCY + 1)
        self.assertEqual(mount.greeting(), mount.process.pid)

    def test_mount_point_with_a_blank_and_a_bind_mount_elsewhere_are_present(self):
        """Section 25 no. 1 and 13: the port decides, not the path."""
        self.start_watchdog()
        mount = Mount(self, "mnt.with blank")
        point, mount.state["mountpoint"] = mount.state["mountpoint"], "/somewhere else/entirely"
        self.set_table([mount])
        mount.state["mountpoint"] = point
        mount.publish()
        mount.hand_over_listener()
        stays("the tunnel", lambda: alive(mount.process.pid), CONSISTENCY + 1)
        self.assertEqual(mount.greeting(), mount.process.pid)
        self.assertNotIn("No mount found", self.log())

    def test_young_mount_is_not_missed(self):
        """WD-5: nothing for 30 s after mount_time."""
        self.start_watchdog()
        mount = Mount(self, "mnt.a")
        mount.state["mount_time"] = time.time()
        mount.publish()
        self.wait_log("supervising the tunnel")
        stays("the young mount's tunnel", lambda: alive(mount.process.pid), CONSISTENCY + 1)

    def test_tunnel_that_ignores_sigterm_is_killed(self):
        self.start_watchdog()
        mount = self.supervised()
        write(mount.note("stubborn"), "")
        self.set_table([])
        # A mount that left before the first look at the table gets a minute more.
        self.wait_log("is still running, will retry termination", limit=PATIENCE + 60)
        self.wait_log("SIGKILL(9)")
        self.assert_nothing_left(mount)

    def test_leftover_state_of_a_mount_that_is_gone_is_removed(self):
        """UP-1: also files of versions that knew fewer keys. The tunnel is given a minute to end
        the kernel's DESTROY_SESSION first, so here it only must have been started."""
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        for key in ("mount_time", "mountpoint", "mountStateDir"):
            del mount.state[key]
        mount.publish()
        self.start_watchdog()
        self.wait_log('No mount found for "%s"' % mount.name)
        wait_for("its tunnel", mount.starts)

    def bind(self, source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)
        # In tearDown(), before the folder is removed.
        self.unbind = lambda: subprocess.run(["umount", "-l", target], check=False,
                                             stderr=subprocess.DEVNULL)

    def tearDown(self):
        getattr(self, "unbind", lambda: None)()
        super().tearDown()

    def test_what_is_mounted_in_a_mounts_directory_stays_and_is_named(self):
        """Issue 9, A1: three files of a bound directory were deleted."""
        self.start_watchdog()
        mount = self.supervised()
        other = self.supervised("mnt.b")
        precious = self.path("precious")
        os.mkdir(precious)
        for name in "abc":
            write(os.path.join(precious, name), "keep")
        inside = os.path.join(mount.secret_dir, "mount")
        os.mkdir(inside)
        self.bind(precious, inside)
        self.set_table([])
        self.wait_log("%s: removing %s" % (mount.name, inside))
        self.assertEqual(sorted(os.listdir(precious)), ["a", "b", "c"])
        self.wait_log("is mounted there")
        self.wait_log("umount %s" % inside)
        self.assertTrue(os.path.exists(mount.state_path))
        self.assert_nothing_left(other)  # goes on
        stays("one attempt", lambda: self.log().count("%s: removing %s" % (mount.name, inside)) == 1, 2)
        self.unbind()
        self.set_table([])  # the event of a real table
        self.assert_nothing_left(mount)
        self.assertEqual(sorted(os.listdir(precious)), ["a", "b", "c"])

    def removal_child(self, watchdog, directory):
        """Caught while it removes very many files; not before, when its alarm is not yet set."""
        path = "/proc/%d/task/%d/children" % (watchdog.pid, watchdog.pid)
        watch = Stopwatch()
        while not watch.over(PATIENCE * SCALE):  # without a pause: it must not have ended at the next look
            for pid in read(path).split():
                if directory in open_files(pid):
                    os.kill(int(pid), signal.SIGSTOP)
                    return int(pid)
        raise AssertionError("no child removes anything")

    def test_removal_that_does_not_return_holds_up_nobody_and_is_told(self):
        watchdog = self.start_watchdog()
        mount = self.supervised()
        other = self.supervised("mnt.b")
        many = os.path.join(mount.secret_dir, "many")
        os.mkdir(many)
        for number in range(40000):
            os.mknod(os.path.join(many, str(number)))
        self.set_table([other])
        child = self.removal_child(watchdog, many)  # stopped, it is as deaf to SIGALRM as one in state D
        self.assertTrue(os.path.exists(mount.state_path))
        for _ in range(2):
            pid = other.tunnel_pid()
            os.kill(pid, signal.SIGKILL)
            wait_for("a new tunnel of the other", lambda old=pid: other.tunnel_pid() != old)
        self.wait_log("%s: its clean-up waits in the kernel" % mount.name, limit=40)
        os.kill(child, signal.SIGCONT)
        self.wait_log("%s: no answer within 20 s" % mount.name)
        self.set_table([other])
        self.assert_nothing_left(mount)
        self.assertEqual(self.log().count("its clean-up waits in the kernel"), 1)

    def test_mount_made_anew_under_the_same_name_keeps_its_files(self):
        """The record of a mount that is being removed is not the one that takes its place."""
        self.start_watchdog()
        mount = self.supervised()
        self.set_table([])
        self.assert_nothing_left(mount)
        again = Mount(self, "mnt.a", port=mount.port)
        self.assertEqual(again.name, mount.name)
        again.hand_over_listener()
        again.publish()
        self.set_table([again])
        self.wait_log("%s: supervising the tunnel with PID" % again.name, count=2)
        again.kill_tunnel()
        wait_for("a new tunnel", lambda: len(again.starts()) >= 3)
        self.assertTrue(os.path.exists(again.state_path))
        self.assertTrue(os.path.exists(again.secret_dir))

    def test_socket_of_a_mount_that_failed_is_given_back(self):
        """Section 25 no. 7: no port stays taken after a failed mount."""
        self.start_watchdog()
        mount = Mount(self, "mnt.a")
        mount.publish(pending=True)
        mount.hand_over_listener()
        pending = os.path.join(self.state_dir, "~" + mount.name)
        self.wait_log("supervising the tunnel")
        os.kill(mount.process.pid, signal.SIGTERM)
        mount.process.wait()
        os.unlink(pending)
        self.wait_log("its state file is gone")
        self.wait_for_free_port(mount)
        self.assertEqual(len(mount.starts()), 1)


if __name__ == "__main__":
    unittest.main()
