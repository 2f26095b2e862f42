#!/usr/bin/python3
"""Promise: a watchdog does its work with state files of older and of newer versions, and loses nothing of them
(contract section 14, section 24, UP-1, UP-3). The files are those of tests/data/state.

The same test tells what an older version does with ours: EFS_BIN names its programs.
"""
import json
import unittest

from efs_test.programs import SOURCE
from efs_test.waiting import WAIT, wait_for
from efs_test.watchdog import Mount, WatchdogBench

FILES = sorted((SOURCE / "tests/data/state").glob("*.json"))
# What a watchdog itself keeps in the file, or what is this mount's own.
CHANGES = {"pid", "cmd", "files", "mount_time", "mountpoint", "fsId", "mountStateDir", "certificate", "privateKey",
           "certificateCreationTime", "unmount_count", "unmount_time", "efsmountSchema"}


class Schema(WatchdogBench):
    def test_each_file_is_supervised_and_nothing_of_it_is_lost(self):
        self.assertGreaterEqual(len(FILES), 4)
        mounts = {}
        for number, path in enumerate(FILES):
            keys = json.loads(path.read_text())
            mount = Mount(self, f"mnt.{chr(ord('a') + number)}")
            mount.state.update({key: value for key, value in keys.items() if key not in CHANGES})
            mount.state["efsmountSchema"] = keys.get("efsmountSchema", 0)
            if "efsmountSchema" not in keys:
                del mount.state["efsmountSchema"]
            mount.publish()
            mounts[path.name] = (mount, keys)
        self.set_table(self.mounts)
        self.start_watchdog()
        for mount in self.mounts:
            mount.hand_over_listener()
        for name, (mount, keys) in mounts.items():
            old = mount.tunnel_pid()
            mount.kill_tunnel()
            # The tunnel notes its start, the watchdog its pid.
            wait_for(f"another tunnel in {name}", lambda: old != mount.tunnel_pid() == mount.saved().get("pid"), WAIT)
            state = mount.saved()
            for key, value in keys.items():
                if key not in CHANGES:
                    self.assertEqual(state[key], value, f"{key} of {name}")
            self.assertGreaterEqual(state.get("efsmountSchema", 0), keys.get("efsmountSchema", 0), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
