"""The daemon itself: start, stop, second instance, broken files, configuration."""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from efs_test.files import read, write
from efs_test.waiting import WAIT, pause, stays, wait_for
from efs_test.watchdog import Mount, PROGRAM, WatchdogBench


class Lifecycle(WatchdogBench):
    def run_once(self, *arguments, **options):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=WAIT,
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
            result = subprocess.run([program], capture_output=True, text=True, timeout=WAIT,
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
        self.assertEqual(watchdog.wait(WAIT), 0)
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
        self.assertEqual(second.wait(WAIT), 0)

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
        manager.settimeout(WAIT)
        watchdog = self.start_watchdog(wait=False, NOTIFY_SOCKET=self.path("notify"))
        self.assertEqual(watchdog.wait(WAIT), 0)
        self.assertEqual(manager.recv(100), b"READY=1")

    def test_systemd_is_told_state_and_pinged(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(self.path("notify"))
        manager.settimeout(WAIT)
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
        manager.settimeout(WAIT)
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
        # A slow start is pinged for before it is told.
        self.assertEqual(set(said[:said.index(b"READY=1")]) - {b"WATCHDOG=1"}, set())
        self.assertEqual(len([text for text in said if text.startswith(b"FDSTORE=1")]), 1)
        watchdog.terminate()
        self.assertEqual(watchdog.wait(WAIT), 0)

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

    def test_copies_of_the_configuration_are_as_new_as_the_files(self):
        """Contract section 11: for postinst of the deb, should a purge of amazon-efs-utils delete them."""
        kept, own, s3files = self.path("kept"), self.path("kept", "efs-utils.conf"), self.path("kept", "s3files-utils.conf")
        os.makedirs(kept)
        self.command = lambda: [*WatchdogBench.command(self), "--kept-dir", kept]
        self.start_watchdog()
        first = read(self.config)
        self.assertEqual(read(own), first)
        # In place, as an editor's rename, and of the other kind, which the watchdog does not read for itself.
        write(self.config, first + "# in place\n")
        wait_for("the copy", lambda: "in place" in read(own), WAIT)
        write(self.config + ".new", first + "# renamed\n")
        os.rename(self.config + ".new", self.config)
        wait_for("the copy", lambda: "renamed" in read(own), WAIT)
        write(self.path("etc", "s3files-utils.conf"), "[mount]\n")
        wait_for("the copy", lambda: os.path.exists(s3files) and read(s3files) == "[mount]\n", WAIT)
        # Who may not read the file may not read the copy.
        for mode in (0o644, 0o600):
            os.chmod(self.config, mode)
            with open(self.config, "a", encoding="ascii") as file:
                file.write("# secret %o\n" % mode)
            wait_for("the copy", lambda: "secret %o" % mode in read(own), WAIT)
            self.assertEqual(os.stat(own).st_mode & 0o777, mode)
        os.unlink(self.config)
        self.ask({"v": 1, "op": "ping"})
        self.assertIn("secret", read(own))

    def test_a_change_while_it_starts_is_taken_over(self):
        """Between its first look at the configuration and its first event nothing may be lost."""
        kept, own = self.path("kept"), self.path("kept", "efs-utils.conf")
        self.command = lambda: [*WatchdogBench.command(self), "--kept-dir", kept]
        plain = read(self.config)
        for word in range(10):
            shutil.rmtree(kept, True)
            os.makedirs(kept)
            watchdog = self.start_watchdog(wait=False)
            while not os.path.exists(own) and watchdog.poll() is None:
                pass  # no rest: the moment is a millisecond long
            write(self.config, plain + f"# {word}\n")
            wait_for("the copy", lambda: f"# {word}\n" in read(own), 30)
            watchdog.terminate()
            watchdog.wait(WAIT)

    def test_without_a_place_for_copies_there_are_none(self):
        self.command = lambda: [*WatchdogBench.command(self), "--kept-dir", self.path("nowhere")]
        self.start_watchdog()
        write(self.config, read(self.config) + "# new\n")
        self.wait_log("read again")
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_log_that_cannot_be_opened_is_told_once(self):
        """Issue 11, B20: once for each change of the configuration."""
        write(self.path("log"), "a file, no directory")
        plain = read(self.config)
        own = lambda word: write(self.config, plain.replace("[mount]", "[mount]\nlog_writer = own\n# " + word))
        own("first")
        with open(self.path("stderr"), "wb") as errors:
            watchdog = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=errors)
        self.watchdogs.append(watchdog)
        for word in ("second", "third"):
            self.ask({"v": 1, "op": "ping"})
            own(word)
            pause("without a log nothing tells that the configuration was read", 0.5)
        watchdog.terminate()
        self.assertEqual(watchdog.wait(WAIT), 0)
        self.assertEqual(read(self.path("stderr")).count(self.path("log")), 1, read(self.path("stderr")))

    def test_state_directory_is_made_and_made_again(self):
        """ST-7."""
        os.rmdir(self.state_dir)
        self.start_watchdog()
        self.assertEqual(os.stat(self.state_dir).st_mode & 0o777, 0o750)

    def wipe(self, with_directory=False):
        """rm -rf of the state directory's content, or of all of it."""
        for name in os.listdir(self.state_dir):
            path = os.path.join(self.state_dir, name)
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)  # the watchdog may be writing a copy of the state there
            else:
                # What came and went in between is the others' business.
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
        if with_directory:
            wait_for("the directory's end", self.without_directory)
            os.makedirs(self.state_dir, 0o750, exist_ok=True)

    def without_directory(self):
        """As rm -rf, again while the watchdog is making its files anew."""
        shutil.rmtree(self.state_dir, ignore_errors=True)
        return not os.path.exists(self.state_dir)

    def owner(self):
        """The pid in the lock file, which its holder wrote."""
        return int(read(os.path.join(self.state_dir, "watchdog.lock")).strip() or 0)

    def stays_the_one(self, first):
        """It has a lock that others find, and answers, so nobody starts a second one; one started by hand waits."""
        wait_for("its lock", lambda: self.owner() == first.pid)
        self.assertEqual(self.ask({"v": 1, "op": "ping"})["pid"], first.pid)
        second = self.start_watchdog(wait=False)
        self.wait_log("another watchdog owns")
        self.assertEqual(self.owner(), first.pid)
        self.assertEqual(self.log().count(", is enabled and started"), 1)
        second.terminate()
        self.assertEqual(second.wait(WAIT), 0)

    def test_wiped_state_directory_keeps_its_owner(self):
        """Issue 11, A5: lock and socket were gone for good, a second watchdog started beside the first."""
        first = self.start_watchdog()
        self.wipe()
        self.stays_the_one(first)

    def test_mounts_outlive_the_content_of_the_state_directory(self):
        """State file and tunnel configuration are written again, so a tunnel that dies can be replaced."""
        mount = self.mounted()
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID")
        before = read(mount.config)
        self.wipe()
        wait_for("its state file", lambda: os.path.exists(mount.state_path))
        mount.kill_tunnel()
        mount.process.wait()
        wait_for("its successor", lambda: len(mount.starts()) == 2)
        self.assertEqual(mount.greeting(), mount.tunnel_pid())
        self.assertEqual(read(mount.config), before)
        self.assertEqual(mount.saved()["pid"], mount.tunnel_pid())

    def test_state_directory_that_was_replaced_keeps_its_owner(self):
        first = self.start_watchdog()
        self.wipe(with_directory=True)
        self.stays_the_one(first)

    def test_deleted_socket_alone_is_made_anew(self):
        first = self.start_watchdog()
        os.unlink(os.path.join(self.state_dir, "watchdog.sock"))
        self.assertEqual(self.ask({"v": 1, "op": "ping"})["pid"], first.pid)

    def test_newcomer_finds_the_owner_of_a_deleted_lock(self):
        """The first one is stopped, so nothing but the kernel tells of it."""
        first = self.start_watchdog()
        first.send_signal(signal.SIGSTOP)
        self.wipe()
        second = self.start_watchdog(wait=False)
        self.wait_log("another watchdog owns")
        self.wait_log("process %d" % first.pid)
        first.send_signal(signal.SIGCONT)
        wait_for("its lock", lambda: self.owner() == first.pid)
        self.assertEqual(self.log().count(", is enabled and started"), 1)
        first.kill()
        first.wait()
        self.wait_log(", is enabled and started", 2)
        self.assertEqual(self.ask({"v": 1, "op": "ping"})["pid"], second.pid)

    def test_deleted_lock_of_a_stranger_is_none(self):
        """Issue 9, B15: in mounts of his own a user's deleted file has any name he likes."""
        folder, lock = self.path("strangers"), os.path.join(self.state_dir, "watchdog.lock")
        os.mkdir(folder)
        os.chmod(self.root, 0o755)
        os.chown(folder, 65534, 65534)
        script = ("import fcntl, os, sys\npath = sys.argv[1]\nfd = os.open(path, os.O_RDWR | os.O_CREAT)\n"
                  "fcntl.flock(fd, fcntl.LOCK_EX)\nos.unlink(path)\nprint(os.getpid(), fd, flush=True)\nsys.stdin.read()\n")
        os.makedirs(self.state_dir, exist_ok=True)
        stranger = subprocess.Popen(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "--map-root-user",
             "--mount", "sh", "-c", 'mount --bind "$1" "$2" && exec /usr/bin/python3 -c "$3" "$4"', "sh",
             folder, self.state_dir, script, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            link = "/proc/%s/fd/%s" % tuple(stranger.stdout.readline().decode().split())
            self.assertEqual(os.readlink(link), lock + " (deleted)")
            self.start_watchdog()
        finally:
            stranger.communicate(timeout=20)

    def test_the_one_that_lost_its_lock_ends(self):
        """Whoever has the lock of this name now could not see the first one: another pid namespace."""
        mount = self.mounted()
        first = self.start_watchdog()
        self.wait_log("supervising the tunnel with PID")
        first.send_signal(signal.SIGSTOP)
        self.wipe()
        with open(os.path.join(self.state_dir, "watchdog.lock"), "w", encoding="ascii") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            first.send_signal(signal.SIGCONT)
            self.assertEqual(first.wait(WAIT), 1)
        self.wait_log("another watchdog has taken")
        self.assertEqual(mount.greeting(), mount.process.pid)

    def test_lock_that_is_only_asked_for_is_no_loss(self):
        """umount.efs takes it for the seconds in which it ends a tunnel itself."""
        first = self.start_watchdog()
        first.send_signal(signal.SIGSTOP)
        self.wipe()
        with open(os.path.join(self.state_dir, "watchdog.lock"), "w", encoding="ascii") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            first.send_signal(signal.SIGCONT)
            self.wait_log("lock that was deleted")
            stays("the watchdog runs", lambda: first.poll() is None, 1)
        wait_for("its lock", lambda: self.owner() == first.pid)
        self.stays_the_one(first)

    def old_watchdog(self, prefix=(), own=True, name="amazon-efs-mount-watchdog"):
        """A script of that name. Its /var/run/efs is our state directory, if it is ours."""
        script = self.path(name)
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

    def test_roots_own_script_of_a_like_name_does_not_matter(self):
        """B15: the kernel keeps 15 characters of a name, and they are the same for both."""
        self.stays_at_work(name="amazon-efs-mount-exporter")


if __name__ == "__main__":
    unittest.main()
