#!/usr/bin/python3
"""Promise: the sources of the SELinux module and of the AppArmor profiles compile, know every program and place of
the package, and nothing installs or loads them."""
import pathlib
import re
import shutil
import tempfile
import unittest

from efs_test.programs import SOURCE, run

SELINUX = SOURCE / "packaging/selinux"
APPARMOR = SOURCE / "packaging/apparmor/efsmount"
MAKEFILE = pathlib.Path("/usr/share/selinux/devel/Makefile")
PROGRAMS = ("/usr/sbin/mount.efs", "/usr/sbin/umount.efs", "/usr/sbin/efs-proxy", "/usr/bin/efs-proxy",
            "/usr/bin/amazon-efs-mount-watchdog", "/usr/bin/efs-log-writer")
PLACES = ("/etc/amazon/efs/efs-utils.conf", "/etc/amazon/efs/privateKey.pem", "/run/efs/fs-1.mnt.20049",
          "/var/log/amazon/efs/mount.log", "/var/lib/efsmount/efs-utils.conf")


def expanded(pattern):
    """A pattern of AppArmor as a regular expression, as far as the attachments of our profiles go."""
    return re.sub(r"\\\{([^}]*)\\\}", lambda m: "(?:" + m.group(1).replace(",", "|") + ")", re.escape(pattern)) + "$"


class Policies(unittest.TestCase):
    def compile(self, change=lambda text: text):
        with tempfile.TemporaryDirectory() as folder:
            for path in SELINUX.glob("efsmount.*"):
                shutil.copy(path, folder)
            source = pathlib.Path(folder, "efsmount.te")
            source.write_text(change(source.read_text()))
            done = run("make", "-f", MAKEFILE, "efsmount.pp", cwd=folder, check=False)
            return done, pathlib.Path(folder, "efsmount.pp").exists()

    @unittest.skipUnless(MAKEFILE.exists(), "needs selinux-policy-dev")
    def test_the_selinux_module_compiles(self):
        done, made = self.compile()
        self.assertTrue(made and done.returncode == 0, done.stdout + done.stderr)

    @unittest.skipUnless(MAKEFILE.exists(), "needs selinux-policy-dev")
    def test_a_slip_in_the_module_is_seen(self):
        for right, wrong in (("fs_mount_nfs(efsmount_t)", "fs_mount_nfsx(efsmount_t)"), ("type efslog_t;", "")):
            done, made = self.compile(lambda text: text.replace(right, wrong, 1))
            self.assertFalse(made, f"{wrong} compiled: {done.stdout}")

    def test_every_program_and_place_has_a_context(self):
        contexts = [(re.compile(line.split()[0] + "$"), line.split(":")[2].split(",")[0])
                    for line in (SELINUX / "efsmount.fc").read_text().splitlines() if line.strip()]
        for path in PROGRAMS + PLACES:
            self.assertTrue(any(pattern.match(path) for pattern, _ in contexts), path)
        source = (SELINUX / "efsmount.te").read_text()
        for _, name in contexts:
            self.assertRegex(source, rf"(?m)^type {name};")

    @unittest.skipUnless(shutil.which("apparmor_parser", path="/usr/sbin:/sbin"), "needs apparmor")
    def test_the_apparmor_profiles_are_understood(self):
        parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
        # Without the kernel, without a cache.
        check = (parser, "--skip-kernel-load", "--skip-cache", "--skip-read-cache")
        done = run(*check, APPARMOR, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        with tempfile.NamedTemporaryFile("w", suffix=".profile") as wrong:
            wrong.write(APPARMOR.read_text().replace("capability setgid,", "capability setgod,", 1))
            wrong.flush()
            self.assertNotEqual(run(*check, wrong.name, check=False).returncode, 0)

    def test_every_program_has_a_profile(self):
        attached = [expanded(path) for path in re.findall(r"(?m)^profile \S+ (/\S+)", APPARMOR.read_text())]
        for path in PROGRAMS + ("/sbin/mount.efs", "/sbin/umount.efs"):
            self.assertTrue(any(re.match(pattern, path) for pattern in attached), f"{path}: {attached}")

    def test_no_package_installs_or_loads_them(self):
        for path in (SOURCE / "packaging").rglob("*"):
            if path.is_file() and "selinux" not in path.parts and "apparmor" not in path.parts and "man" not in path.parts:
                self.assertNotRegex(path.read_text(), r"semodule|efsmount\.pp|apparmor_parser|packaging/(selinux|apparmor)", path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
