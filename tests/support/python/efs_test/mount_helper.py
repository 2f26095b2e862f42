"""A machine of its own for mount.efs, on which everything happens but mount(2).

Network, processes, /etc, /run and /var/log belong to the test. The kernel pretends to have an NFS
client (/proc/filesystems), so that mount.efs goes all its way - certificate, state, tunnel, NFS calls
through it - up to mount(2), which answers ENODEV where the kernel has none. The server side is the
simulator. Every process dies with the test.
"""
import json
import os
import shutil
import subprocess
import unittest

from efs_test import machine
from efs_test.files import read
from efs_test.machine import LOG
from efs_test.processes import end_all, listening_ports, processes
from efs_test.programs import program, run
from efs_test.simulator import FS, ROLE, Simulator
from efs_test.waiting import SCALE, Stopwatch, wait_for

STATE = "/run/efs"
KEY = "/etc/amazon/efs/privateKey.pem"
MOUNTPOINT = "/run/mountpoint"
ACCESS_POINTS = [f"fsap-{number:017x}" for number in range(1, 51)]


def enter():
    """With processes of its own: all of them end with the test."""
    machine.enter("--net", "--pid", "--fork", "--kill-child", "--mount-proc")


class HelperBench(unittest.TestCase):
    """One simulator for all tests of a file; a clean state directory for each."""
    environment = {}  # of mount.efs, beside PATH
    helper = program("mount.efs")

    @classmethod
    def setUpClass(cls):
        cls.fs = FS
        machine.build()
        run("ip", "addr", "add", "169.254.170.2/32", "dev", "lo")
        with open("/run/filesystems", "w", encoding="ascii") as out:
            out.write(read("/proc/filesystems") + "nodev\tnfs4\n")
        run("mount", "--bind", "/run/filesystems", "/proc/filesystems")
        cls.sim = Simulator(dns={"listen": "127.0.0.1:53"}, nfs_port=2049)
        config = cls.sim.config
        config["imds"]["listen"] = "169.254.169.254:80"
        config["credentials"] = {"listen": "169.254.170.2:80", "pod_token": "pod", "pod_role": "x",
                                 "web_identity_token": "web", "sso_token": "sso"}
        config["identities"] = [dict(ROLE, session_token="token")]
        # One ganesha for all access points: certificates are judged all the same.
        config["trunking"] = True
        config["file_systems"][0]["access_points"] += [
            {"id": name, "path": f"/{name}"} for name in ACCESS_POINTS]
        cls.change(config)
        cls.sim.save()
        cls.sim.start()
        # Where mount.efs finds the tunnel; the watchdog is not there.
        cls.programs = "/run/programs"
        os.makedirs(cls.programs)
        os.makedirs(os.path.dirname(LOG))

    @classmethod
    def change(cls, config):
        """What a file of tests has otherwise in the simulator's configuration."""

    @classmethod
    def tearDownClass(cls):
        cls.sim.stop()

    def setUp(self):
        machine.write_config()
        with open("/etc/amazon/efs/efs-utils.crt", "w", encoding="ascii") as out:
            out.write(read(f"{self.sim.work}/ca.pem"))
        self.tunnel(program("efs-proxy"))
        for name in os.listdir(os.path.dirname(LOG)):
            os.unlink(os.path.join(os.path.dirname(LOG), name))
        self.ports = listening_ports()

    def tearDown(self):
        for command in (f"target {self.fs} us-east-1a ok", "dns ok", "imds ok", "clock 0",
                        "tls handshake-stall off", "credentials ecs ok"):
            self.sim.ctl(command)
        # It would stay a while for the next mount, and the directory shall be gone.
        end_all("efs-log-writer")
        if os.path.ismount(STATE):
            run("umount", STATE)
        # A watchdog that still runs makes its files anew while they are removed.
        wait_for("the end of the state directory", self.without_state)

    @staticmethod
    def without_state():
        shutil.rmtree(STATE, ignore_errors=True)
        return not os.path.exists(STATE)

    def tunnel(self, program):
        link = f"{self.programs}/efs-proxy"
        if os.path.lexists(link):
            os.unlink(link)
        if program:
            os.symlink(program, link)

    def script(self, text):
        """A program in the tunnel's place."""
        path = "/run/stand-in/efs-proxy"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o755)
        self.tunnel(path)

    def start(self, options="tls", device=None, mountpoint=MOUNTPOINT):
        os.makedirs(mountpoint, exist_ok=True)
        return subprocess.Popen(
            [self.helper, device or f"{self.fs}:/", mountpoint, "-o", options + ",rw"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={"PATH": f"{self.programs}:/usr/bin:/bin", **self.environment}, start_new_session=True)

    def mounted(self, options="tls"):
        """A mount whose helper is gone just before it would have published its state: we publish. Its name."""
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        helper = self.start(options)
        pending = wait_for("the state", lambda: [name for name in self.state_files() if name.startswith("~") and
                                                 json.loads(read(f"{STATE}/{name}"))["pid"] > 0])[0]
        helper.kill()
        self.finish(helper)
        os.rename(f"{STATE}/{pending}", f"{STATE}/{pending[1:]}")
        self.sim.ctl(f"target {self.fs} us-east-1a ok")
        return pending[1:]

    def finish(self, helper, limit=60):
        """Seconds that are its own (Stopwatch): the limit, and what it took."""
        watch = Stopwatch()
        while True:
            try:
                self.out, self.err = helper.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if watch.over(limit * SCALE):
                    raise
        self.took = watch.own()
        self.code = helper.returncode
        return self.code

    def mount(self, options="tls", device=None, limit=60, mountpoint=MOUNTPOINT):
        return self.finish(self.start(options, device, mountpoint), limit)

    def logged(self, *words):
        """mount.log, when all of this is in it. mount.efs waits a second for its writer, which is another process."""
        for text in words:
            wait_for(f"{text!r} in the log", lambda text=text: text in read(LOG))
        return read(LOG)

    def state_files(self):
        if not os.path.isdir(STATE):
            return []
        # Lock files are shared by all mounts and stay.
        return sorted(name for name in os.listdir(STATE) if self.fs in name)

    def assertNothingLeft(self):
        wait_for("the end of the tunnels", lambda: not processes("efs-proxy"), 5)
        self.assertEqual(self.state_files(), [])
        # A watchdog that runs holds a duplicate of the listener until it sees that the state is gone.
        wait_for("the end of the listeners", lambda: listening_ports() == self.ports, 5)

    def assertFailed(self, code, *words):
        """One line on stderr, the same in the log, nothing on stdout, nothing left (EX-1)."""
        self.assertEqual(self.code, code, self.err + read(LOG))
        self.assertEqual(self.out, "")
        last = self.err.splitlines()[-1]
        for word in words:
            self.assertIn(word, last)
        self.assertNothingLeft()

    def assertReachedMount(self):
        """Everything went well up to mount(2), which this kernel cannot do; it was all undone."""
        self.assertEqual(self.code, 32, self.err)
        self.assertIn("no NFSv4 client", self.err)
        self.assertNothingLeft()
