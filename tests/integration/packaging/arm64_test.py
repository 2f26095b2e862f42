"""Promise: the programs for arm64 keep the bounds of the others, and those that need no kernel of their own do their work:
here under qemu's emulation of a process, which has no mounts.
"""
import json
import pathlib
import subprocess
import tempfile
import unittest

from efs_test.elf import NEWEST, needed, too_new
from efs_test.package import build_package
from efs_test.programs import SOURCE, run

BUILD = SOURCE / "build/package-arm64"


def emulated(program, *words, check=True):
    # The loader and the libraries are those of Debian's multiarch packages, in their own places.
    return run("qemu-aarch64", BUILD / "bin" / program, *words, check=check)


class Arm64(unittest.TestCase):
    def test_programs_keep_the_bounds(self):
        for program in sorted((BUILD / "bin").iterdir()):
            self.assertIn("AArch64", run("readelf", "-h", program).stdout)
            self.assertLessEqual(needed(program), set(NEWEST), program.name)
            self.assertEqual(too_new(program), [], program.name)

    def test_programs_tell_their_version_and_usage(self):
        for program in ("mount.efs", "umount.efs", "amazon-efs-mount-watchdog", "efsctl"):
            self.assertRegex(emulated(program, "--version").stdout, r"\d+\.\d+\.\d+")
        self.assertIn("usage", emulated("efs-proxy", "--help").stdout)

    def test_the_configuration_is_read(self):
        done = emulated("efsctl", "config", "--json", "--config", SOURCE / "config/efs-utils.conf")
        values = {entry["key"]: entry["value"] for entry in json.loads(done.stdout)["values"]}
        self.assertEqual(values["port_range_lower_bound"], "20049")

    def test_exceptions_find_their_handlers(self):
        with tempfile.TemporaryDirectory() as state:
            pathlib.Path(state, "fs-0123456789abcdef0.mnt.20049").write_text("{ no JSON", encoding="utf-8")
            done = emulated("efsctl", "status", "--state-dir", state, check=False)
            self.assertGreaterEqual(done.returncode, 0, done.stderr)
            self.assertIn("fs-0123456789abcdef0", done.stdout + done.stderr)

    def test_packages_are_for_arm64(self):
        with tempfile.TemporaryDirectory() as folder:
            deb = build_package(folder, "deb", BUILD, arch="arm64")
            self.assertEqual(run("dpkg-deb", "-f", deb, "Architecture").stdout.strip(), "arm64")
            rpm = build_package(folder, "rpm", BUILD, arch="arm64")
            self.assertEqual(run("rpm", "-qp", "--qf", "%{ARCH}", rpm).stdout, "aarch64")
            archive = build_package(folder, "tar", BUILD, arch="arm64")
            listed = subprocess.run(["tar", "-tf", archive], capture_output=True, text=True, timeout=60, check=True).stdout
            self.assertIn("aarch64/root/usr/sbin/mount.efs", listed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
