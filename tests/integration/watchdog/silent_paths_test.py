#!/usr/bin/python3
"""Promise: the watchdog answers and supervises while the directories of its logs, its configuration or the copies of that
are silent, as on an NFS server that has gone."""
import os
import signal
import unittest

from efs_test.files import write
from efs_test.silent_place import SilentPlace, available
from efs_test.waiting import stays, wait_for
from efs_test.watchdog import WatchdogBench

TICK = 60  # seconds between two looks at what no event tells


@unittest.skipUnless(available(), "needs FUSE")
class Silent(WatchdogBench):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("kept"))
        self.command = lambda: [*WatchdogBench.command(self), "--kept-dir", self.path("kept")]
        self.watchdog = self.start_watchdog()

    def goes_on(self, name, after):
        place = SilentPlace(self.path(name))
        try:
            after()
            self.ask({"v": 1, "op": "ping"})
        finally:
            place.end()

    def reload(self):
        self.watchdog.send_signal(signal.SIGHUP)
        stays("the watchdog, in whatever it does", lambda: self.watchdog.poll() is None, 1)

    def test_the_place_of_the_copies(self):
        self.goes_on("kept", self.reload)

    def test_the_configuration(self):
        self.goes_on("etc", self.reload)

    def test_the_logs(self):
        self.goes_on("log", lambda: stays("the watchdog", lambda: self.watchdog.poll() is None, TICK + 3))

    def test_copies_are_made_again_when_their_place_answers(self):
        place = SilentPlace(self.path("kept"))
        try:
            write(self.config, "[mount-watchdog]\nenabled = true\n# new\n")
            self.reload()
        finally:
            place.end()
        self.watchdog.send_signal(signal.SIGHUP)
        wait_for("the copy", lambda: os.path.exists(self.path("kept", "efs-utils.conf")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
