#!/usr/bin/python3
"""Promise: efsctl top shows what mounts do, on a terminal with keys and as lines for a pipe, and leaves the terminal as it was."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import unittest

from efs_test.files import write
from efs_test.programs import program
from efs_test.waiting import WAIT, pause, wait_for
from efs_test.watchdog import WatchdogBench


class Screen:
    """efsctl top on a terminal of its own, of so many columns and lines."""

    def __init__(self, words, columns=100, lines=24):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env={"PATH": "/usr/bin:/bin", "TERM": "xterm"})
        self.slave = slave
        os.set_blocking(self.master, False)
        self.text = ""

    def read(self):
        try:
            self.text += os.read(self.master, 65536).decode()
        except BlockingIOError:
            pass
        return self.text

    def last(self):
        """The newest screen, without its colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.read().rsplit("\x1b[H", 1)[-1])

    def press(self, keys):
        os.write(self.master, keys.encode())

    def close(self):
        if self.process.poll() is not None and self.slave < 0:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT)
        os.close(self.slave)
        os.close(self.master)
        self.slave = -1


class Top(WatchdogBench):
    def setUp(self):
        super().setUp()
        self.stats = self.path("mountstats")
        self.calls = 0
        self.start_watchdog()
        self.mount = self.mounted("mnt.a")
        self.other = self.mounted("mnt.other")
        self.count(0)

    def count(self, reads):
        """The NFS client's counters after so many further reads of 1 MB, 4 ms each."""
        self.calls += reads
        write(self.stats, f"device 127.0.0.1:/ mounted on /mnt/a with fstype nfs4 statvers=1.1\n\topts:\trw,port={self.mount.port}\n"
              f"\txprt:\ttcp 0 0 1 0 0 {self.calls} {self.calls} 0 0 0\n\tper-op statistics\n"
              f"\t        READ: {self.calls} {self.calls} 0 0 {self.calls * 1000000} 0 {self.calls * 4} {self.calls * 4} 0\n"
              f"device 127.0.0.1:/ mounted on /mnt/other with fstype nfs4 statvers=1.1\n\topts:\trw,port={self.other.port}\n")

    def words(self, *more):
        return [program("efsctl"), "top", "--state-dir", self.state_dir, "--mountinfo", self.mountinfo, "--mountstats", self.stats,
                *more]

    def screen(self, *words, **size):
        screen = Screen(self.words("-d", "1", *words), **size)
        self.addCleanup(screen.close)
        wait_for("the first screen", lambda: "q end" in screen.read())
        return screen

    def moving(self, screen, words):
        """Counts until the screen has these words."""
        def look():
            self.count(100)
            return words in screen.last()
        wait_for(f"{words!r} on the screen", look)

    def test_a_pipe_gets_lines_that_can_be_cut(self):
        process = subprocess.Popen(self.words("-d", "1", "-n", "2"), stdout=subprocess.PIPE, text=True)
        # All the time: whenever it looks, there were reads since its last look.
        counter = threading.Thread(target=self.count_while_it_runs, args=(process,))
        counter.start()
        head, *lines = process.communicate(timeout=WAIT)[0].splitlines()
        counter.join()
        rows = [dict(zip(head.split(), line.split())) for line in lines]
        self.assertEqual(process.returncode, 0)
        busy = [row for row in rows if row["mount_point"] == "/mnt/a" and float(row["calls/s"]) > 0]
        self.assertEqual({row["class"] for row in busy}, {"all", "read"}, rows)
        self.assertEqual({row["mean_ms"] for row in busy}, {"4.00"})
        self.assertEqual({row["state"] for row in rows}, {"mounted"})
        self.assertEqual(len([row for row in rows if row["mount_point"] == "/mnt/other"]), 2)

    def count_while_it_runs(self, process):
        while process.poll() is None:
            self.count(10)
            pause("reads come one after the other", 0.02)

    def test_keys_sort_filter_and_end_it(self):
        screen = self.screen()
        self.moving(screen, "read")
        self.assertIn("sort: MB/s", screen.last())
        screen.press("s")
        wait_for("the next order", lambda: "sort: latency" in screen.last())
        screen.press("fother")
        wait_for("what is typed", lambda: "filter: other_" in screen.last())
        screen.press("\n")
        wait_for("the filtered screen", lambda: "/mnt/other" in screen.last() and "/mnt/a " not in screen.last())
        screen.press("q")
        self.assertEqual(screen.process.wait(WAIT), 0)
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)
        self.assertTrue(screen.read().endswith("\x1b[?25h\x1b[?1049l"))

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        screen = self.screen()
        screen.process.send_signal(signal.SIGTERM)
        self.assertEqual(screen.process.wait(WAIT), 0)
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)

    def test_screens_of_80_and_120_columns_fit(self):
        for columns in (80, 120):
            with self.subTest(columns):
                screen = self.screen(columns=columns)
                self.moving(screen, "read")
                for line in screen.last().replace("\r", "").split("\n"):
                    self.assertLessEqual(len(line), columns)
                screen.close()

    def test_one_mount_alone_and_none(self):
        done = subprocess.run(self.words("-d", "1", "-n", "1", "/mnt/other"), capture_output=True, text=True, timeout=WAIT)
        self.assertEqual({line.split()[1] for line in done.stdout.splitlines()[1:]}, {"/mnt/other"})
        for words in (("-d", "0"), ("--nonsense",), ("a", "b")):
            self.assertEqual(subprocess.run(self.words(*words), capture_output=True, timeout=WAIT).returncode, 2, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
