"""Promise: the archive's install.sh puts efsmount into a tree without a package manager, and takes it out again; the
programs then start with no more than the libraries that its README names (CSI-11).
"""
import pathlib
import re
import shutil
import tempfile
import unittest

from efs_test.package import RELEASE, UNIT, build_package
from efs_test.programs import SOURCE, run

CONFIG = "etc/amazon/efs/efs-utils.conf"
KEPT = {CONFIG, "etc/amazon/efs/s3files-utils.conf", "etc/amazon/efs/efsmount.conf"}


def put_library_closure(root, programs):
    """What the loader opens for these programs, and nothing else."""
    for line in run("ldd", *programs).stdout.splitlines():
        if match := re.search(r"(/\S+\.so\S*) \(0x", line):
            target = root / match.group(1)[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(match.group(1), target)


class Archive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.archive = build_package(cls.folder, "tar")
        run("tar", "-xf", cls.archive, "-C", cls.folder)
        cls.unpacked = next(cls.folder.glob("efsmount-*/"))

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    def script(self, *words, check=True):
        return run(self.unpacked / "install.sh", "--root", self.root, *words, check=check)

    def names(self):
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()}

    def test_installs_all_and_removes_all_but_what_is_the_users(self):
        self.script()
        for name in ("usr/sbin/mount.efs", "usr/sbin/mount.s3files", "usr/sbin/efs-proxy", "usr/bin/efsctl", f"etc/systemd/system/{UNIT}", CONFIG,
                     "etc/amazon/efs/efs-utils.crt", "usr/share/man/man8/mount.efs.8.gz",
                     "usr/share/doc/efsmount/licences/c-ares"):
            self.assertIn(name, self.names())
        (self.root / CONFIG).write_text("[mount]\nregion = eu-west-1\n")
        self.script()  # an upgrade
        self.assertIn("eu-west-1", (self.root / CONFIG).read_text())
        self.script("--uninstall")
        self.assertEqual(self.names(), KEPT)
        self.assertNotEqual(self.script("--uninstall", check=False).returncode, 0)

    # CSI-7: a folder there ends the driver at its start.
    def test_etc_amazon_efs_holds_files_only(self):
        self.script()
        self.assertEqual([path for path in (self.root / "etc/amazon/efs").iterdir() if path.is_dir()], [])

    def test_another_prefix_is_found_by_mount_and_by_systemd(self):
        self.script("--prefix", "/opt/efs")
        self.assertEqual((self.root / "sbin/mount.efs").readlink(), pathlib.Path("/opt/efs/sbin/mount.efs"))
        self.assertEqual((self.root / "opt/efs/sbin/mount.s3files").readlink(), pathlib.Path("mount.efs"))
        self.assertTrue((self.root / "sbin/mount.s3files").is_symlink())
        unit = (self.root / f"etc/systemd/system/{UNIT}").read_text()
        self.assertIn("ExecStart=/opt/efs/bin/amazon-efs-mount-watchdog\n", unit)
        self.script("--prefix", "/opt/efs", "--uninstall")
        self.assertEqual(self.names(), KEPT)

    def test_leaves_another_installation_alone(self):
        (self.root / "sbin").mkdir()
        (self.root / "sbin/mount.efs").write_text("old")
        done = self.script(check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("belongs to another installation", done.stderr)
        self.assertEqual(self.names(), {"sbin/mount.efs"})

    def test_programs_start_with_the_libraries_that_the_readme_names(self):
        self.script()
        programs = [self.root / "usr/sbin/mount.efs", self.root / "usr/bin/amazon-efs-mount-watchdog",
                    self.root / "usr/sbin/efs-proxy", self.root / "usr/bin/efsctl"]
        put_library_closure(self.root, programs)
        readme = (self.unpacked / "README.md").read_text()
        for program in programs:
            for library in re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", program).stdout):
                self.assertTrue(library in readme or library.startswith(("libc.so", "ld-linux")), library)
            word = "--help" if program.name == "efs-proxy" else "--version"
            self.assertEqual(run("chroot", self.root, "/" + str(program.relative_to(self.root)), word).returncode, 0)

    def test_building_twice_gives_the_same_bytes(self):
        other = self.folder / "again"
        self.assertEqual(build_package(other, "tar").read_bytes(), self.archive.read_bytes())

    def test_a_tree_of_another_architecture_stops_the_build(self):
        done = run(SOURCE / "packaging/build.sh", "tar", "--arch", "arm64", "--build", RELEASE, "--output", self.folder / "no",
                   check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "was not built for arm64|is missing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
