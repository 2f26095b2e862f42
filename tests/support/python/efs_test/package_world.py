"""A throw-away copy of this machine to install packages in: an overlay over /, in a mount namespace of its own, so
that nothing outside changes. systemctl is a recorder there: what is asked of systemd is seen, not done.
"""
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

from efs_test.package import UNIT
from efs_test.programs import run
from efs_test.waiting import SCALE

INSIDE = "EFS_PACKAGE_TEST_ROOT"
LINK = f"etc/systemd/system/multi-user.target.wants/{UNIT}"
# What only edits links is done by the real one.
SYSTEMCTL = """#!/bin/sh
case "$1" in --root=*) exec /usr/bin/systemctl.real "$@" ;; esac
echo "$*" >>/systemctl.calls
case "$*" in *is-enabled*) echo enabled ;; esac
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "HOME": "/root"}


def _make_world(work):
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


class World(unittest.TestCase):
    """Each test has a machine of its own at self.root."""

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=os.environ[INSIDE]))
        self.root = _make_world(self.work)
        self.addCleanup(run, "umount", "-R", "-l", self.root, check=False)

    def chroot(self, *words, check=True):
        """Runs a program there, without a terminal; systemctl_calls() then tells of this one alone."""
        (self.root / "systemctl.calls").unlink(missing_ok=True)
        return run("chroot", self.root, *words, check=check, stdin=subprocess.DEVNULL, env=ENVIRONMENT)

    def systemctl_calls(self):
        calls = self.root / "systemctl.calls"
        return calls.read_text() if calls.exists() else ""

    def exists(self, path):
        return os.path.lexists(self.root / path)


def _overlays_work(folder):
    probe = ("mount -t tmpfs none {0} && mkdir {0}/u {0}/w {0}/m && "
             "mount -t overlay overlay -o lowerdir=/,upperdir={0}/u,workdir={0}/w {0}/m").format(folder)
    return run("unshare", "--mount", "--propagation", "private", "sh", "-c", probe, check=False).returncode == 0


def run_inside(prepare):
    """The main() of a file of tests: prepare(folder) makes the packages. Ends with 77 (skipped) where overlays cannot be
    made or no systemctl is installed."""
    if INSIDE in os.environ:
        folder = os.environ[INSIDE]
        run("mount", "-t", "tmpfs", "-o", "size=512m", "none", folder)
        prepare(folder)
        unittest.main(verbosity=2)
    with tempfile.TemporaryDirectory() as folder:
        if not pathlib.Path("/usr/bin/systemctl").exists() or not _overlays_work(folder):
            print("skipped: needs root, a kernel with overlayfs, and systemctl")
            sys.exit(77)
        # The namespace ends with its last process, and with it every mount made here.
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                   sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: folder}, timeout=580 * SCALE,
                                check=False).returncode)
