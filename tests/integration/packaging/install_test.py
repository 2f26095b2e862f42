"""Promise: dpkg installs, upgrades, removes and purges the package, also in the place of amazon-efs-utils.

The real dpkg works on a throw-away copy of this machine: an overlay over /, in a mount namespace of its own, so
that nothing outside changes. systemctl is a recorder there: what is asked of systemd is seen, not done.
Ends with 77 (skipped) where overlays cannot be made or no systemctl is installed.
"""
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

from efs_test.package import UNIT, build_package, small_package, with_version
from efs_test.programs import run

INSIDE = "EFS_PACKAGE_TEST_ROOT"
LINK = f"etc/systemd/system/multi-user.target.wants/{UNIT}"
# What only edits links is done by the real one.
SYSTEMCTL = """#!/bin/sh
case "$1" in --root=*) exec /usr/bin/systemctl.real "$@" ;; esac
echo "$*" >>/systemctl.calls
case "$*" in *is-enabled*) echo enabled ;; esac
"""
OLD_CONFIG = "[DEFAULT]\nlogging_level = INFO\n"


def make_world(work):
    """Mounts: the machine with a recorder for systemctl, no EFS files, and /run as after boot."""
    root = work / "root"
    for name in ("upper", "work", "root", "upper/etc", "upper/var/log"):
        (work / name).mkdir(parents=True)
    # Hidden, not removed: this machine's logs may be written to at this moment.
    for name in ("etc/amazon", "var/log/amazon"):
        os.mknod(work / "upper" / name, stat.S_IFCHR, 0)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={work}/upper,workdir={work}/work", root)
    for name in ("run", "proc", "tmp"):
        run("mount", "-t", "proc" if name == "proc" else "tmpfs", "none", root / name)
    (root / "run/systemd/system").mkdir(parents=True)
    systemctl = root / "usr/bin/systemctl"
    systemctl.rename(systemctl.with_suffix(".real"))
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    run("rm", "-rf", root / "sbin/mount.efs", root / "usr/sbin/policy-rc.d")
    run("chroot", root, "deluser", "--quiet", "efs", check=False)
    return root


class Dpkg(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=os.environ[INSIDE]))
        self.root = make_world(self.work)
        self.addCleanup(run, "umount", "-R", "-l", self.root, check=False)

    def dpkg(self, *words, check=True):
        (self.root / "systemctl.calls").unlink(missing_ok=True)
        return run("chroot", self.root, "dpkg", "--force-confold", *words, check=check, stdin=subprocess.DEVNULL,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

    def install(self, package):
        (self.root / "tmp/package.deb").write_bytes(package.read_bytes())
        return self.dpkg("--install", "/tmp/package.deb")

    def systemctl_calls(self):
        calls = self.root / "systemctl.calls"
        return calls.read_text() if calls.exists() else ""

    def status(self, name):
        return run("chroot", self.root, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name, check=False).stdout.strip()

    def exists(self, path):
        return os.path.lexists(self.root / path)

    def test_first_installation_enables_and_starts(self):
        self.install(PACKAGE)
        self.assertEqual(self.status("efsmount"), "ii")
        self.assertIn(" Version: 3.2.0", run("chroot", self.root, "/sbin/mount.efs", "--version").stdout)
        self.assertTrue(self.exists(LINK))
        self.assertRegex(self.systemctl_calls(), rf"(?m)(^| )start {UNIT}")
        user = run("chroot", self.root, "getent", "passwd", "efs").stdout.strip().split(":")
        self.assertEqual(user[5:], ["/nonexistent", "/usr/sbin/nologin"])
        self.assertLess(int(user[2]), 1000)
        self.assertEqual(run("chroot", self.root, "getent", "group", "efs").stdout.split(":")[2], user[3])
        self.assertTrue(self.exists("var/log/amazon/efs"))

    # UP-1
    def test_upgrade_restarts_a_running_watchdog_and_keeps_configuration(self):
        self.install(PACKAGE)
        config = self.root / "etc/amazon/efs/efs-utils.conf"
        config.write_text(OLD_CONFIG)
        (self.root / "run/efs").mkdir()
        (self.root / "run/efs/fs-0123.mnt.20049").write_text("{}")
        self.install(with_version(PACKAGE, "99.0", self.work))
        self.assertIn(f"try-restart {UNIT}", self.systemctl_calls())
        self.assertNotIn(f" stop {UNIT}", self.systemctl_calls())
        self.assertEqual(config.read_text(), OLD_CONFIG)
        self.assertTrue(self.exists("run/efs/fs-0123.mnt.20049"))
        self.assertTrue(self.exists(LINK))

    def test_a_disabled_unit_stays_disabled_over_an_upgrade(self):
        self.install(PACKAGE)
        (self.root / LINK).unlink()
        self.install(with_version(PACKAGE, "99.0", self.work))
        self.assertFalse(self.exists(LINK))

    def test_removal_stops_and_disables_but_keeps_what_is_the_users(self):
        self.install(PACKAGE)
        (self.root / "run/efs").mkdir()
        (self.root / "run/efs/fs-0123.mnt.20049").write_text("{}")
        (self.root / "etc/amazon/efs/privateKey.pem").write_text("key")
        (self.root / "var/log/amazon/efs/mount.log").write_text("log")
        done = self.dpkg("--remove", "efsmount")
        self.assertIn("file systems are still mounted", done.stderr)
        self.assertIn(f"stop {UNIT}", self.systemctl_calls())
        self.assertFalse(self.exists(LINK))
        self.assertFalse(self.exists("sbin/mount.efs"))
        for path in ("etc/amazon/efs/efs-utils.conf", "etc/amazon/efs/privateKey.pem", "var/log/amazon/efs/mount.log",
                     "run/efs/fs-0123.mnt.20049"):
            self.assertTrue(self.exists(path), path)
        self.dpkg("--purge", "efsmount")
        self.assertFalse(self.exists("var/log/amazon"))
        self.assertFalse(self.exists("etc/amazon/efs/efs-utils.conf"))
        self.assertTrue(self.exists("etc/amazon/efs/privateKey.pem"), "the mount that stands names this key")

    def test_installation_after_a_removal_starts_again(self):
        self.install(PACKAGE)
        self.dpkg("--remove", "efsmount")
        self.install(PACKAGE)
        self.assertRegex(self.systemctl_calls(), rf"(?m)(^| )start {UNIT}")
        self.assertNotIn("try-restart", self.systemctl_calls())
        self.assertTrue(self.exists(LINK))

    def test_purge_enters_no_mount_in_the_log_directory(self):
        """Issue 9, A1: the same kind of fault; a bind mount has the device of its source."""
        self.install(PACKAGE)
        archive = self.root / "var/log/amazon/efs/archive"
        archive.mkdir(parents=True)
        precious = self.root / "srv/precious"
        precious.mkdir(parents=True)
        (precious / "file").write_text("keep")
        run("mount", "--bind", precious, archive)
        done = self.dpkg("--purge", "efsmount")
        self.assertEqual((precious / "file").read_text(), "keep")
        self.assertIn("something is mounted at or below /var/log/amazon/efs", done.stderr)
        run("umount", archive)

    def test_purge_leaves_nothing_and_the_next_installation_enables_again(self):
        self.install(PACKAGE)
        (self.root / "etc/amazon/efs/privateKey.pem").write_text("key")
        done = self.dpkg("--purge", "efsmount")
        self.assertNotIn("still mounted", done.stderr)
        self.assertFalse(self.exists("etc/amazon"))
        self.assertFalse(self.exists("var/log/amazon"))
        self.install(PACKAGE)
        self.assertTrue(self.exists(LINK))

    # UP-1: the old package goes, its configuration and the files of its mounts stay.
    def test_takes_the_place_of_amazon_efs_utils_and_keeps_its_configuration(self):
        self.install(OLD_PACKAGE)
        config = self.root / "etc/amazon/efs/efs-utils.conf"
        config.write_text(OLD_CONFIG + "# the user's own line\n")
        self.install(PACKAGE)
        self.assertEqual(self.status("efsmount"), "ii")
        self.assertNotEqual(self.status("amazon-efs-utils")[:2], "ii")
        self.assertIn("efsmount", run("chroot", self.root, "/sbin/mount.efs", "--version").stdout)
        self.assertIn("the user's own line", config.read_text())
        self.assertIn("BEGIN CERTIFICATE", (self.root / "etc/amazon/efs/efs-utils.crt").read_text())
        self.assertTrue(self.exists(LINK))
        # What the old package left does not take our files along when it is purged.
        self.dpkg("--purge", "amazon-efs-utils", check=False)
        self.assertIn("efsmount", run("chroot", self.root, "/sbin/mount.efs", "--version").stdout)
        self.assertTrue(config.exists())

    def test_satisfies_packages_that_need_amazon_efs_utils(self):
        self.install(PACKAGE)
        self.install(DEPENDER)
        self.assertEqual(self.status("needs-efs"), "ii")

    def test_without_systemd_nothing_is_started_and_nothing_fails(self):
        run("rm", "-rf", self.root / "run/systemd")
        self.install(PACKAGE)
        self.assertEqual(self.status("efsmount"), "ii")
        self.assertEqual(self.systemctl_calls(), "")
        self.dpkg("--purge", "efsmount")
        self.assertEqual(self.systemctl_calls(), "")


def inside():
    """In the mount namespace, with the packages made."""
    global PACKAGE, OLD_PACKAGE, DEPENDER
    folder = os.environ[INSIDE]
    run("mount", "-t", "tmpfs", "-o", "size=512m", "none", folder)
    PACKAGE = build_package(folder)
    OLD_PACKAGE = small_package(
        folder, "amazon-efs-utils", "Version: 3.1.0\n",
        {"/sbin/mount.efs": ("#!/bin/sh\necho old\n", 0o755), "/usr/bin/efs-proxy": ("old", 0o755),
         "/usr/bin/amazon-efs-mount-watchdog": ("old", 0o755), "/etc/amazon/efs/efs-utils.crt": ("old", 0o444),
         "/etc/amazon/efs/efs-utils.conf": (OLD_CONFIG, 0o644)}, ["/etc/amazon/efs/efs-utils.conf"])
    DEPENDER = small_package(folder, "needs-efs", "Version: 1\nDepends: amazon-efs-utils (>= 2.0)\n",
                             {"/usr/share/needs-efs": ("x", 0o644)})
    unittest.main(verbosity=2)


def overlays_work(folder):
    probe = ("mount -t tmpfs none {0} && mkdir {0}/u {0}/w {0}/m && "
             "mount -t overlay overlay -o lowerdir=/,upperdir={0}/u,workdir={0}/w {0}/m").format(folder)
    return run("unshare", "--mount", "--propagation", "private", "sh", "-c", probe, check=False).returncode == 0


def main():
    if INSIDE in os.environ:
        inside()
    with tempfile.TemporaryDirectory() as folder:
        if not pathlib.Path("/usr/bin/systemctl").exists() or not overlays_work(folder):
            print("skipped: needs root, a kernel with overlayfs, and systemctl")
            sys.exit(77)
        # The namespace ends with its last process, and with it every mount made here.
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                   sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: folder}, timeout=280, check=False).returncode)


if __name__ == "__main__":
    main()
