"""Promise: dpkg installs, upgrades, removes and purges the package, also in the place of amazon-efs-utils and back, and
never asks: there is no terminal.
"""
import subprocess

from efs_test.package import UNIT, build_package, small_package, with_version
from efs_test.package_world import ENVIRONMENT, LINK, World, run_inside
from efs_test.programs import run
from efs_test.waiting import wait_for

OLD_CONFIG = "[DEFAULT]\nlogging_level = INFO\n"
CONFIG = "etc/amazon/efs/efs-utils.conf"
S3CONFIG = "etc/amazon/efs/s3files-utils.conf"


class Dpkg(World):
    def dpkg(self, *words, check=True):
        return self.chroot("dpkg", *words, check=check)

    def install(self, package):
        (self.root / "tmp/package.deb").write_bytes(package.read_bytes())
        return self.dpkg("--auto-deconfigure", "--install", "/tmp/package.deb")

    def status(self, name):
        return run("chroot", self.root, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name, check=False).stdout.strip()

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
        for path in ("etc/amazon/efs/efsmount.conf", "etc/amazon/efs/privateKey.pem", "var/log/amazon/efs/mount.log",
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

    def test_purge_leaves_the_log_of_a_tunnel_that_lives_on(self):
        self.install(PACKAGE)
        (self.root / "run/efs").mkdir()
        for name in ("fs-01.mnt.a.20049", "stunnel-config.fs-01.mnt.a.20049"):
            (self.root / "run/efs" / name).write_text("{}")
        logs = self.root / "var/log/amazon/efs"
        for name in ("mount.log", "fs-01.mnt.a.20049.efs-proxy.log", "fs-01.mnt.a.20049.efs-proxy.log.1", "fs-01.mnt.b.20050.efs-proxy.log"):
            (logs / name).write_text("x")
        self.dpkg("--purge", "efsmount")
        self.assertEqual(sorted(path.name for path in logs.iterdir()), ["fs-01.mnt.a.20049.efs-proxy.log", "fs-01.mnt.a.20049.efs-proxy.log.1"])

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
        config = self.root / CONFIG
        config.write_text(OLD_CONFIG + "# the user's own line\n")
        (self.root / S3CONFIG).write_text(OLD_CONFIG + "# one about S3 Files\n")
        self.install(PACKAGE)
        self.assertIn("efsmount", run("chroot", self.root, "/sbin/mount.s3files", "--version").stdout)
        self.assertEqual(self.status("efsmount"), "ii")
        self.assertNotEqual(self.status("amazon-efs-utils")[:2], "ii")
        self.assertIn("efsmount", run("chroot", self.root, "/sbin/mount.efs", "--version").stdout)
        self.assertIn("the user's own line", config.read_text())
        self.assertIn("BEGIN CERTIFICATE", (self.root / "etc/amazon/efs/efs-utils.crt").read_text())
        self.assertTrue(self.exists(LINK))
        # What the old package left does not take our files along when it is purged.
        self.dpkg("--purge", "amazon-efs-utils")
        self.assertIn("efsmount", run("chroot", self.root, "/sbin/mount.efs", "--version").stdout)
        self.assertIn("the user's own line", config.read_text())
        self.assertIn("one about S3 Files", (self.root / S3CONFIG).read_text())
        self.assertEqual(self.status("efsmount"), "ii")

    # Section 11: what was edited since our installation survives as well, whoever edits and however.
    def test_a_later_purge_of_amazon_efs_utils_gives_back_the_configuration_as_it_was_last(self):
        self.install(OLD_PACKAGE)
        self.install(PACKAGE)
        watchdog = subprocess.Popen(["chroot", self.root, "/usr/bin/amazon-efs-mount-watchdog"], stdin=subprocess.DEVNULL,
                                    env=ENVIRONMENT)
        try:
            run("chroot", self.root, "sed", "-i", "s/INFO/DEBUG/", f"/{CONFIG}")
            (self.root / S3CONFIG).write_text(OLD_CONFIG + "# of later\n")
            for name in (CONFIG, S3CONFIG):
                kept = self.root / "var/lib/efsmount" / name.rsplit("/", 1)[1]
                wait_for("the copy", lambda: kept.read_text() == (self.root / name).read_text(), 20)
        finally:
            watchdog.terminate()
            watchdog.wait(60)
        self.dpkg("--purge", "amazon-efs-utils")
        self.assertEqual((self.root / CONFIG).read_text(), OLD_CONFIG.replace("INFO", "DEBUG"))
        self.assertIn("of later", (self.root / S3CONFIG).read_text())

    def test_goes_back_to_amazon_efs_utils_which_keeps_its_configuration(self):
        self.install(OLD_PACKAGE)
        (self.root / CONFIG).write_text(OLD_CONFIG + "# the user's own line\n")
        self.install(PACKAGE)
        (self.root / "var/log/amazon/efs/mount.log").write_text("log")
        self.dpkg("--remove", "efsmount")  # as apt does where the other one is asked for
        self.install(OLD_PACKAGE)
        self.assertEqual(self.status("amazon-efs-utils"), "ii")
        self.assertIn("the user's own line", (self.root / CONFIG).read_text())
        self.dpkg("--purge", "efsmount")
        self.assertIn("the user's own line", (self.root / CONFIG).read_text())
        self.assertTrue(self.exists("var/log/amazon/efs/mount.log"))

    def test_gives_way_to_an_amazon_efs_utils_that_was_never_there(self):
        self.install(PACKAGE)
        (self.root / CONFIG).write_text("[mount]\nregion = eu-west-1\n")
        done = self.dpkg("--remove", "efsmount")
        self.assertIn("efs-utils.conf.efsmount", done.stderr)
        self.assertFalse(self.exists(S3CONFIG), "one that is as shipped")
        self.install(OLD_PACKAGE)
        self.assertEqual(self.status("amazon-efs-utils"), "ii")
        self.assertEqual((self.root / CONFIG).read_text(), OLD_CONFIG)
        self.assertIn("region = eu-west-1", (self.root / f"{CONFIG}.efsmount").read_text())

    def test_an_edited_configuration_is_back_after_a_removal_and_an_installation(self):
        self.install(PACKAGE)
        (self.root / CONFIG).write_text(OLD_CONFIG)
        self.dpkg("--remove", "efsmount")
        self.install(PACKAGE)
        self.assertEqual((self.root / CONFIG).read_text(), OLD_CONFIG)

    def test_an_upgrade_of_the_time_with_a_conffile_asks_nothing(self):
        with_conffile = small_package(
            self.work, "efsmount", "Version: 0.0.1\n",
            {"/sbin/mount.efs": ("#!/bin/sh\n", 0o755), f"/{CONFIG}": (OLD_CONFIG, 0o644)}, [f"/{CONFIG}"])
        self.install(with_conffile)
        (self.root / CONFIG).write_text(OLD_CONFIG + "# the user's own line\n")
        self.install(PACKAGE)
        self.assertEqual(self.status("efsmount"), "ii")
        self.assertIn("the user's own line", (self.root / CONFIG).read_text())

    def test_a_downgrade_and_a_second_installation_ask_nothing(self):
        self.install(with_version(PACKAGE, "99.0", self.work))
        (self.root / CONFIG).write_text(OLD_CONFIG)
        for _ in range(2):
            self.install(PACKAGE)
            self.assertEqual(self.status("efsmount"), "ii")
            self.assertEqual((self.root / CONFIG).read_text(), OLD_CONFIG)

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


def prepare(folder):
    global PACKAGE, OLD_PACKAGE, DEPENDER
    PACKAGE = build_package(folder)
    OLD_PACKAGE = small_package(
        folder, "amazon-efs-utils", "Version: 3.1.0\n",
        {"/sbin/mount.efs": ("#!/bin/sh\necho old\n", 0o755), "/usr/bin/efs-proxy": ("old", 0o755),
         "/usr/bin/amazon-efs-mount-watchdog": ("old", 0o755), "/etc/amazon/efs/efs-utils.crt": ("old", 0o444),
         "/sbin/mount.s3files": ("#!/bin/sh\necho old\n", 0o755), f"/{CONFIG}": (OLD_CONFIG, 0o644),
         f"/{S3CONFIG}": (OLD_CONFIG, 0o644)}, [f"/{CONFIG}", f"/{S3CONFIG}"])
    DEPENDER = small_package(folder, "needs-efs", "Version: 1\nDepends: amazon-efs-utils (>= 2.0)\n",
                             {"/usr/share/needs-efs": ("x", 0o644)})


if __name__ == "__main__":
    run_inside(prepare)
