"""Promise: the released programs start wherever EFS is used: Amazon Linux 2023, RHEL 9, Ubuntu 22.04, Debian 12.

Those systems cannot be had here. What a dynamic linker checks can: the versions of the symbols a program takes from
each library, and the libraries it names, must all be in the oldest of these systems.
"""
import functools
import re
import subprocess
import tempfile
import unittest

from efs_test.package import released_programs
from efs_test.programs import run

# Library -> the newest version of its symbols that every system has; the oldest that counts: glibc 2.34 and util-linux
# 2.37 (Amazon Linux 2023, RHEL 9; Ubuntu 22.04 has 2.35 and 2.37), OpenSSL 3.0 (RHEL 9.0, Ubuntu 22.04).
NEWEST = {
    "libc.so.6": ("GLIBC", (2, 34)),
    "libssl.so.3": ("OPENSSL", (3, 0, 0)),
    "libcrypto.so.3": ("OPENSSL", (3, 0, 0)),
    "libmount.so.1": ("MOUNT", (2, 37)),
    "ld-linux-x86-64.so.2": ("GLIBC", (2, 34)),
    "ld-linux-aarch64.so.1": ("GLIBC", (2, 34)),
}
PROGRAMS = {"mount.efs", "umount.efs", "efs-proxy", "amazon-efs-mount-watchdog", "efs-log-writer", "efsctl"}


@functools.lru_cache(maxsize=None)
def readelf(option, program):
    return run("readelf", "-W", option, program).stdout


def needed(program):
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("-d", program)))


def versions(program):
    """(library, version name) of every symbol version that the program asks for."""
    found = set()
    library = None
    for line in readelf("-V", program).splitlines():
        if match := re.search(r" File: (\S+)", line):
            library = match.group(1)
        elif match := re.search(r" Name: (\S+)  Flags", line):
            found.add((library, match.group(1)))
    return found


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
            asked = versions(program)
            self.assertTrue(any(library == "libc.so.6" for library, _ in asked), f"{name}: readelf was not understood")
            for library, version in asked:
                base, limit = NEWEST.get(library, (None, ()))
                word, _, number = version.partition("_")
                self.assertTrue(word == base and tuple(map(int, number.split("."))) <= limit,
                                f"{name} asks for {version} of {library}")

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
