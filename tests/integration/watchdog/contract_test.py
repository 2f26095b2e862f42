"""Lines of the contract about the daemon as a whole: what it leaves alone, and where it looks."""
import os
import shutil
import signal
import subprocess
import unittest

from efs_test.files import read, write
from efs_test.waiting import WAIT, wait_for
from efs_test.watchdog import WatchdogBench


class Contract(WatchdogBench):
    def test_stays_in_the_foreground_and_says_nothing_on_its_streams(self):
        """WD-2, CSI-4: the CSI driver runs it as its child and copies both streams into its log."""
        watchdog = subprocess.Popen(self.command(), env=dict(os.environ, STAND_IN_DIR=self.notes),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        self.watchdogs.append(watchdog)
        self.wait_log(", is enabled and started")
        mount = self.mounted()
        self.wait_log("supervising the tunnel with PID")
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.assertIsNone(watchdog.poll())
        watchdog.send_signal(signal.SIGTERM)
        # Also: the tunnel it started holds neither stream open (EX-3), else this would not return.
        out, err = watchdog.communicate(timeout=WAIT)
        self.assertEqual((watchdog.returncode, out, err), (0, "", ""))

    def test_writes_a_state_file_only_when_it_changed(self):
        """Contract 25.10."""
        quiet = self.mounted("mnt.quiet")  # in the table before anybody looks
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID")
        self.ask({"v": 1, "op": "ping"})
        before = os.stat(quiet.state_path)
        for name in ("mnt.b", "mnt.c"):  # each makes the watchdog look through the directory again
            other = self.mounted(name)
            self.wait_log("supervising the tunnel with PID", len(self.mounts))
            other.kill_tunnel()
            other.process.wait()
            wait_for("the new pid", lambda: other.saved()["pid"] == other.tunnel_pid() != other.process.pid)
        after = os.stat(quiet.state_path)
        self.assertEqual((after.st_ino, after.st_mtime_ns), (before.st_ino, before.st_mtime_ns))

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_never_reads_the_command_line_of_a_process(self):
        """Contract 25.11: reading /proc/<pid>/cmdline waits for a process that is stuck."""
        trace = self.path("trace")
        self.start_watchdog(wrapper=["strace", "-D", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace])
        mount = self.mounted()
        self.wait_log("supervising the tunnel with PID")
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.wait_log("Started efs-proxy, pid:")
        # Its own it may read (the sanitizers do).
        opened = [line for line in read(trace).splitlines()
                  if "stand_in" not in line and "/proc/self/" not in line]
        self.assertTrue(any("/comm" in line for line in opened), "the trace shows nothing")
        self.assertFalse([line for line in opened if "/cmdline" in line or "/environ" in line])

    def test_configuration_behind_a_link_is_read_again(self):
        """CSI-7, CSI-8: /etc/amazon/efs is a link, and the driver writes the file anew at each start."""
        host = self.path("host")
        os.rename(self.path("etc"), host)
        os.symlink(host, self.path("etc"))
        self.start_watchdog()
        write(os.path.join(host, "efs-utils.conf"), read(self.config) + "# changed\n", 0o644)
        self.wait_log("read again")


if __name__ == "__main__":
    unittest.main()
