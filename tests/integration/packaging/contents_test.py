"""Promise: the package holds what the contract's section 12 lists, where and with the modes it says."""
import json
import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

from efs_test.package import RELEASE, UNIT, VERSION, build_package
from efs_test.programs import SOURCE, run

PROGRAMS = ("mount.efs", "umount.efs", "mount.s3files", "umount.s3files", "efs-proxy", "amazon-efs-mount-watchdog",
            "efs-log-writer", "efsctl")
LINKED_IN = ("c-ares", "expected", "fmt", "inih", "libstdc++", "nlohmann-json")
# path -> mode. Section 12.
FILES = {
    "/sbin/mount.efs": 0o755,  # CLI-1
    "/sbin/umount.efs": 0o755,
    "/sbin/mount.s3files": 0o777,  # another name of mount.efs
    "/sbin/umount.s3files": 0o777,
    "/usr/bin/efs-proxy": 0o755,
    "/usr/bin/amazon-efs-mount-watchdog": 0o755,
    "/usr/bin/efs-log-writer": 0o755,
    "/usr/bin/efsctl": 0o755,
    "/usr/share/efsmount/efs-utils.conf": 0o644,
    "/usr/share/efsmount/efsmount.conf": 0o644,
    "/usr/share/efsmount/s3files-utils.conf": 0o644,
    "/etc/amazon/efs/efs-utils.crt": 0o444,
    "/var/log/amazon/efs": 0o755,
    f"/lib/systemd/system/{UNIT}": 0o644,
    **{f"/usr/share/man/man8/{program}.8.gz": 0o644 for program in PROGRAMS},
    "/usr/share/man/man5/efs-utils.conf.5.gz": 0o644,
    "/usr/share/man/man7/efsmount.7.gz": 0o644,
    "/usr/share/bash-completion/completions/efsctl": 0o644,
    "/usr/share/bash-completion/completions/mount.efs": 0o644,
    "/usr/share/bash-completion/completions/mount.s3files": 0o777,
    **{f"/usr/share/doc/efsmount/licences/{library}": 0o644 for library in LINKED_IN},
    "/usr/share/doc/efsmount/sbom.spdx.json": 0o644,
    "/usr/share/doc/efsmount/CHANGELOG.md.gz": 0o644,
    "/usr/share/doc/efsmount/config.md": 0o644,
    "/usr/share/doc/efsmount/efsctl.md": 0o644,
    "/usr/share/doc/efsmount/copyright": 0o644,
    "/usr/share/doc/efsmount/changelog.gz": 0o644,
}


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.package = build_package(cls.folder.name)
        cls.root = pathlib.Path(cls.folder.name, "root")
        run("dpkg-deb", "-R", cls.package, cls.root)
        cls.control = dict(line.split(": ", 1) for line in (cls.root / "DEBIAN/control").read_text().splitlines()
                           if ": " in line and not line.startswith(" "))

    # CLI-1
    def test_paths_and_modes_are_the_contracts(self):
        for path, mode in FILES.items():
            found = (self.root / path[1:]).lstat()
            self.assertEqual(oct(stat.S_IMODE(found.st_mode)), oct(mode), path)
        for path in self.root.rglob("*"):
            name = "/" + path.relative_to(self.root).as_posix()
            if path.is_file() and not name.startswith(("/DEBIAN/", "/usr/share/")):
                self.assertIn(name, FILES, "a file that the contract does not know")

    def test_everything_belongs_to_root(self):
        for line in run("dpkg-deb", "-c", self.package).stdout.splitlines():
            self.assertEqual(line.split()[1], "root/root", line)

    def test_programs_start_and_tell_their_version(self):
        for path in ("/sbin/mount.efs", "/usr/bin/amazon-efs-mount-watchdog"):
            self.assertRegex(run(self.root / path[1:], "--version").stdout, r"Version: \d+\.\d+\.\d+")
        self.assertEqual(run(self.root / "usr/bin/efs-proxy", "--help").returncode, 0)

    # CLI-1, section 21
    def test_a_helper_of_s3files_is_the_same_program_by_another_name(self):
        for name in ("mount", "umount"):
            link = self.root / f"sbin/{name}.s3files"
            self.assertEqual(link.readlink(), pathlib.Path(f"{name}.efs"))
            self.assertIn("S3 Files", run(link, "--help").stdout)

    # Section 11: a conffile that was edited would make dpkg ask, and stop where there is no terminal.
    def test_nothing_is_a_conffile(self):
        self.assertFalse((self.root / "DEBIAN/conffiles").exists())
        for name in ("efs-utils.conf", "s3files-utils.conf", "efsmount.conf"):
            self.assertEqual((self.root / "usr/share/efsmount" / name).read_text(), (SOURCE / "config" / name).read_text())

    def test_tells_what_the_programs_are_made_of(self):
        bill = json.loads((self.root / "usr/share/doc/efsmount/sbom.spdx.json").read_text())
        self.assertEqual(bill["spdxVersion"], "SPDX-2.3")
        packages = {package["name"]: package for package in bill["packages"]}
        self.assertEqual(set(packages), {"efsmount", *LINKED_IN})
        for package in packages.values():
            self.assertRegex(package["versionInfo"], r"^\d")
        linked = {entry["relatedSpdxElement"] for entry in bill["relationships"] if entry["relationshipType"] == "STATIC_LINK"}
        self.assertEqual(linked, {package["SPDXID"] for package in packages.values()} - {"SPDXRef-efsmount"})
        licences = self.root / "usr/share/doc/efsmount/licences"
        for library, words in (("c-ares", "Permission to use, copy, modify"), ("inih", "Redistribution and use"),
                               ("libstdc++", "GCC Runtime Library")):
            self.assertIn(words, (licences / library).read_text(errors="replace"), library)

    def test_takes_the_place_of_amazon_efs_utils(self):
        self.assertEqual(self.control["Package"], "efsmount")
        self.assertEqual(self.control["Version"], VERSION)
        self.assertEqual(self.control["Provides"], "amazon-efs-utils (= 3.2.0)")
        self.assertEqual(self.control["Conflicts"], "amazon-efs-utils")
        self.assertEqual(self.control["Replaces"], "amazon-efs-utils")

    # CSI-11: nothing that a minimal image does not have already.
    def test_depends_on_libraries_and_on_no_other_program(self):
        names = [word.split()[0] for word in self.control["Depends"].split(", ")]
        self.assertEqual(sorted(names), ["adduser", "libc6", "libcurl4", "libmount1", "libssl3", "mount"])

    def test_every_library_of_a_program_has_its_package(self):
        names = [word.split()[0] for word in self.control["Depends"].split(", ")]
        needed = set()
        for program in ("sbin/mount.efs", "usr/bin/efs-proxy", "usr/bin/amazon-efs-mount-watchdog"):
            for line in run("readelf", "-d", self.root / program).stdout.splitlines():
                if "(NEEDED)" in line:
                    needed.add(line.split("[")[1].rstrip("]"))
        self.assertGreater(len(needed), 3)
        for library in needed:
            owner = run("dpkg-query", "-S", f"*/{library}").stdout
            packages = {line.split(":")[0] for line in owner.splitlines()}
            self.assertTrue(packages & set(names), library)

    def test_authorities_are_amazons_and_can_be_loaded(self):
        bundle = self.root / "etc/amazon/efs/efs-utils.crt"
        subjects = []
        for part in bundle.read_text().split("-----BEGIN CERTIFICATE-----")[1:]:
            subjects.append(run("openssl", "x509", "-noout", "-subject",
                                input="-----BEGIN CERTIFICATE-----" + part).stdout)
        for name in ("Amazon Root CA 1", "Amazon Root CA 2", "Amazon Root CA 3", "Amazon Root CA 4",
                     "Starfield Services Root Certificate Authority - G2",
                     "Starfield Root Certificate Authority - G2", "Starfield Class 2 Certification Authority"):
            self.assertEqual(sum(name in subject for subject in subjects), 1, name)
        self.assertEqual(len(subjects), 7)

    # TUN-2, WD-13: KillMode decides whether tunnels survive a restart of the unit.
    def test_unit_keeps_the_contracts_facts(self):
        unit = (self.root / f"lib/systemd/system/{UNIT}").read_text().splitlines()
        for line in ("Before=remote-fs-pre.target", "KillMode=process", "Restart=on-failure", "RestartSec=15s", "WatchdogSec=120s",
                     "WantedBy=multi-user.target", "ExecStart=/usr/bin/amazon-efs-mount-watchdog"):
            self.assertIn(line, unit)

    def test_maintainer_scripts_are_sound(self):
        scripts = [self.root / "DEBIAN" / name for name in ("postinst", "prerm", "postrm")]
        for script in scripts:
            self.assertEqual(stat.S_IMODE(script.stat().st_mode), 0o755)
            self.assertTrue(script.read_text().startswith("#!/bin/sh\n"))
            run("sh", "-n", script)
        try:
            run("shellcheck", *scripts)
        except FileNotFoundError:
            self.skipTest("no shellcheck here; the lint part runs it")

    def test_md5sums_are_right(self):
        run("md5sum", "--check", "--quiet", "DEBIAN/md5sums", cwd=self.root)

    def test_building_twice_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as other:
            self.assertEqual(build_package(other).read_bytes(), self.package.read_bytes())

    def test_a_folder_that_is_no_builds_stops_the_build(self):
        with tempfile.TemporaryDirectory() as empty:
            done = run(SOURCE / "packaging/build.sh", "deb", "--build", f"{empty}/no", "--output", empty, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has no programs to install", done.stderr)
            self.assertEqual(os.listdir(empty), [])

    def test_a_missing_authority_stops_the_build(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([SOURCE / "packaging/build.sh", "deb", "--build", RELEASE, "--output", empty], capture_output=True,
                                  text=True, timeout=100, env={**os.environ, "EFS_CA_SOURCE": empty})
            self.assertEqual(done.returncode, 1)
            self.assertIn("Amazon_Root_CA_1.crt is missing: install the package ca-certificates", done.stderr)
            self.assertEqual(os.listdir(empty), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
