"""Promise: the rpm holds what the deb holds, in Red Hat's places, and does the same to the system: installed, upgraded and
removed by the real rpm in a throw-away copy of this machine, also in the place of amazon-efs-utils.
"""
import hashlib
import pathlib
import stat
import subprocess
import unittest

from efs_test.package import UNIT, VERSION, build_package, small_rpm
from efs_test.package_world import World, run_inside
from efs_test.programs import run

CONFIG = "etc/amazon/efs/efs-utils.conf"
OLD_CONFIG = "[DEFAULT]\nlogging_level = INFO\n"
# Only in one of them: dpkg's own files; the configuration, which postinst of the deb copies to /etc.
ONLY_DEB = {"usr/share/doc/efsmount/changelog.gz", "usr/share/lintian/overrides/efsmount"}
ONLY_RPM = {f"etc/amazon/efs/{name}.conf" for name in ("efs-utils", "s3files-utils", "efsmount")}


def places(root, moves):
    """{path in Red Hat's places: (mode, digest)} of all files."""
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name.startswith("DEBIAN/"):
            continue
        for old, new in moves:
            if name.startswith(old):
                name = new + name[len(old):]
                break
        found[name] = (oct(stat.S_IMODE(path.stat().st_mode)), hashlib.sha256(path.read_bytes()).hexdigest())
    return found


class Contents(unittest.TestCase):
    def query(self, *words):
        return run("rpm", "-qp", *words, PACKAGE).stdout.splitlines()

    def test_equal_those_of_the_deb(self):
        folder = pathlib.Path(FOLDER, "contents")
        (folder / "rpm").mkdir(parents=True)
        deb = build_package(FOLDER, "deb")
        run("dpkg-deb", "-R", deb, folder / "deb")
        archive = subprocess.run(["rpm2cpio", PACKAGE], capture_output=True, check=True, timeout=100).stdout
        subprocess.run(["cpio", "-idm", "--quiet"], input=archive, cwd=folder / "rpm", check=True, timeout=100)
        ours = places(folder / "deb", [("sbin/", "usr/sbin/"), ("usr/bin/efs-proxy", "usr/sbin/efs-proxy"),
                                       ("lib/systemd/", "usr/lib/systemd/")])
        theirs = places(folder / "rpm", [])
        self.assertEqual(set(ours) - set(theirs), ONLY_DEB)
        self.assertEqual(set(theirs) - set(ours), ONLY_RPM)
        for name in set(ours) & set(theirs):
            self.assertEqual(ours[name], theirs[name], name)

    def test_take_the_place_of_amazon_efs_utils(self):
        self.assertIn("amazon-efs-utils = 3.2.0", self.query("--provides"))
        self.assertIn("amazon-efs-utils", self.query("--obsoletes"))
        self.assertEqual(set(self.query("--configfiles")), {f"/{name}" for name in ONLY_RPM})
        self.assertIn(f"efsmount-{VERSION}-1.x86_64", self.query("-q"))

    def test_need_only_what_every_red_hat_has(self):
        for line in self.query("--requires"):
            name = line.split("(")[0].split(" ")[0]
            self.assertTrue(name in ("rpmlib", "config", "/bin/sh", "util-linux", "shadow-utils", "rtld") or
                            name.startswith(("libc.so.6", "libssl.so.3", "libcrypto.so.3", "libmount.so.1",
                                             "libcurl.so.4", "ld-linux")), line)
        self.assertIn("libssl.so.3()(64bit)", self.query("--requires"))

    def test_building_twice_gives_the_same_bytes(self):
        other = pathlib.Path(FOLDER, "again")
        self.assertEqual(build_package(other, "rpm").read_bytes(), PACKAGE.read_bytes())


class Rpm(World):
    def rpm(self, *words, check=True):
        return self.chroot("rpm", "--dbpath", "/var/lib/rpm-test", *words, check=check)

    def install(self, package):
        (self.root / "tmp" / package.name).write_bytes(package.read_bytes())
        return self.rpm("-U", "--nodeps", "--oldpackage", "--replacepkgs", f"/tmp/{package.name}")

    def installed(self):
        return set(self.rpm("-qa", "--qf", "%{NAME} ").stdout.split())

    def test_first_installation_enables_and_starts(self):
        done = self.install(PACKAGE)
        calls = self.systemctl_calls().splitlines()
        self.assertIn(f"enable {UNIT}", calls)
        self.assertEqual(calls[-1], f"start {UNIT}", done.stderr)
        self.assertIn(" Version: 3.2.0", self.chroot("/usr/sbin/mount.efs", "--version").stdout)
        user = self.chroot("getent", "passwd", "efs").stdout.strip().split(":")
        self.assertEqual(user[5:], ["/nonexistent", "/sbin/nologin"])
        self.assertTrue(self.exists(CONFIG))
        self.assertFalse(self.exists("run/efsmount-install"))

    # UP-1
    def test_upgrade_restarts_a_running_watchdog_and_keeps_configuration(self):
        self.install(PACKAGE)
        (self.root / CONFIG).write_text(OLD_CONFIG)
        self.install(PACKAGE)
        calls = self.systemctl_calls()
        self.assertIn(f"try-restart {UNIT}", calls)
        self.assertNotIn("enable", calls)
        self.assertNotIn("stop", calls)
        self.assertEqual((self.root / CONFIG).read_text(), OLD_CONFIG)

    def test_takes_the_place_of_amazon_efs_utils_and_keeps_its_configuration(self):
        self.install(OLD_PACKAGE)
        (self.root / CONFIG).write_text(OLD_CONFIG + "# the user's own line\n")
        self.install(PACKAGE)
        self.assertEqual(self.installed(), {"efsmount"})
        self.assertIn("efsmount", self.chroot("/usr/sbin/mount.efs", "--version").stdout)
        self.assertIn("the user's own line", (self.root / CONFIG).read_text())
        self.install(PACKAGE)

    def test_the_watchdog_is_started_after_the_old_package_has_stopped_it(self):
        self.install(OLD_PACKAGE)
        self.install(PACKAGE)
        calls = self.systemctl_calls().splitlines()
        self.assertLess(calls.index(f"--no-reload disable --now {UNIT}"), calls.index(f"enable {UNIT}"))
        self.assertEqual(calls[-1], f"start {UNIT}")

    def test_removal_stops_and_disables_but_keeps_what_is_the_users(self):
        self.install(PACKAGE)
        (self.root / "run/efs").mkdir()
        (self.root / "run/efs/fs-0123.mnt.20049").write_text("{}")
        (self.root / CONFIG).write_text(OLD_CONFIG)
        (self.root / "etc/amazon/efs/privateKey.pem").write_text("key")
        done = self.rpm("-e", "efsmount")
        self.assertIn("file systems are still mounted", done.stdout + done.stderr)
        self.assertIn(f"disable --now {UNIT}", self.systemctl_calls())
        self.assertFalse(self.exists("usr/sbin/mount.efs"))
        self.assertEqual((self.root / f"{CONFIG}.rpmsave").read_text(), OLD_CONFIG)
        self.assertTrue(self.exists("etc/amazon/efs/privateKey.pem"))
        self.assertTrue(self.exists("run/efs/fs-0123.mnt.20049"))

    def test_conflicts_with_nobody(self):
        """rpm looks at dependencies, too, where nobody says --nodeps; here it finds none of Red Hat's packages."""
        self.install(OLD_PACKAGE)
        (self.root / "tmp/new.rpm").write_bytes(PACKAGE.read_bytes())
        done = self.rpm("-U", "--test", "/tmp/new.rpm", check=False)
        self.assertIn("is needed by efsmount", done.stderr)
        self.assertNotIn("conflict", done.stderr)

    def test_without_systemd_nothing_is_started_and_nothing_fails(self):
        run("rm", "-rf", self.root / "run/systemd")
        self.install(PACKAGE)
        self.assertEqual([line for line in self.systemctl_calls().splitlines() if not line.startswith("enable")], [])


def prepare(folder):
    global FOLDER, PACKAGE, OLD_PACKAGE
    FOLDER = folder
    PACKAGE = build_package(folder, "rpm")
    OLD_PACKAGE = small_rpm(folder, "amazon-efs-utils", "3.1.0", {
        "/usr/sbin/mount.efs": ("#!/bin/sh\necho old\n", 0o755), "/usr/sbin/efs-proxy": ("old", 0o755),
        "/usr/bin/amazon-efs-mount-watchdog": ("old", 0o755), f"/{CONFIG}": (OLD_CONFIG, 0o644),
        "/etc/amazon/efs/efs-utils.crt": ("old", 0o444)}, [f"/{CONFIG}"],
        f"%preun\nif [ $1 -eq 0 ]; then systemctl --no-reload disable --now {UNIT} || :; fi\n")


if __name__ == "__main__":
    run_inside(prepare)
