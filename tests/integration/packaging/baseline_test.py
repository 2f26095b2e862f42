"""Promise: the released programs start wherever EFS is used: Amazon Linux 2023, RHEL 9, Ubuntu 22.04, Debian 12.

Those systems cannot be had here. What a dynamic linker checks can: the versions of the symbols a program takes from
each library, and the libraries it names, must all be in the oldest of these systems.
"""
import json
import re
import subprocess
import tempfile
import unittest

from efs_test.elf import NEWEST, needed, too_new
from efs_test.package import released_programs
from efs_test.programs import SOURCE

PROGRAMS = {"mount.efs", "umount.efs", "efs-proxy", "amazon-efs-mount-watchdog", "efs-log-writer", "efsctl",
            "mount.s3files", "umount.s3files"}  # links


class Baseline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.programs = {path.name: path for path in released_programs(cls.folder.name)}

    def test_all_programs_are_looked_at(self):
        self.assertEqual(set(self.programs), PROGRAMS)

    def test_every_needed_library_is_on_every_system(self):
        for name, program in self.programs.items():
            self.assertLessEqual(needed(program), set(NEWEST), name)

    def test_no_symbol_is_newer_than_the_oldest_system(self):
        for name, program in self.programs.items():
            self.assertEqual(too_new(program), [], name)

    def test_the_cmake_of_amazon_linux_2023_is_enough(self):
        """It has 3.22, which reads presets up to version 3; its gcc is 11. (Tried with 3.22.6 by hand: both presets.)"""
        wanted = re.search(r"cmake_minimum_required\(VERSION (\d+)\.(\d+)\)", (SOURCE / "CMakeLists.txt").read_text())
        self.assertLessEqual((int(wanted.group(1)), int(wanted.group(2))), (3, 22))
        presets = json.loads((SOURCE / "CMakePresets.json").read_text())
        self.assertLessEqual(presets["version"], 3)
        minimum = presets["cmakeMinimumRequired"]
        self.assertLessEqual((minimum["major"], minimum["minor"]), (3, 22))

    def test_the_loader_hint_for_curl_is_what_every_system_calls_it(self):
        """libcurl is opened by name: Debian's libcurl4 and Red Hat's libcurl and libcurl-minimal all have it."""
        self.assertIn(b"libcurl.so.4\0", self.programs["mount.efs"].read_bytes())

    def test_exceptions_find_their_handlers(self):
        """The unwinder's way to its tables is ours (common/base/dl_find_object.cc): nlohmann's parser throws."""
        with tempfile.TemporaryDirectory() as state:
            # A state file that is no JSON: the parser throws, the file that includes it catches.
            with open(f"{state}/fs-0123456789abcdef0.mnt.20049", "w", encoding="utf-8") as broken:
                broken.write("{ no JSON")
            done = subprocess.run([self.programs["efsctl"], "status", "--state-dir", state], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertGreaterEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("terminate", done.stderr)
            self.assertIn("fs-0123456789abcdef0", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
