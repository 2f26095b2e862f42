"""One watchdog on a private state directory, with stand-in tunnels and a mount table made of text.

The programs, processes, sockets, signals and files are real; only the mount table (--mountinfo) and
the list of the kernel's NFS clients (--proc-net) are files of the test, because this host's kernel
need not have NFS.
"""
import array
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from efs_test.files import read, write
from efs_test.processes import adopt_orphans, alive, free_port, no_children
from efs_test.programs import BIN, program
from efs_test.waiting import PATIENCE, WAIT, stays, wait_for

PROGRAM = program("amazon-efs-mount-watchdog")
STAND_IN = os.environ.get("EFS_STAND_IN", os.path.join(BIN, "../stand_in/efs-proxy"))


class Mount:
    """What mount.efs leaves behind: listener, tunnel, config and state file."""

    def __init__(self, bench, point, port=None, start=True):
        self.bench = bench
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Not one of the kernel's, which it might give to any connection while the tunnel of this mount is dead.
        self.listener.bind(("127.0.0.1", port or free_port()))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.name = "fs-0123456789abcdef0.%s.%d" % (point, self.port)
        self.state_path = os.path.join(bench.state_dir, self.name)
        self.config = os.path.join(bench.state_dir, "stunnel-config." + self.name)
        self.secret_dir = self.state_path + "+"
        os.mkdir(self.secret_dir, 0o700)
        write(self.config, "fips = no\npid = %s/stunnel.pid\n[efs]\naccept = 127.0.0.1:%d\n"
              "connect = 127.0.0.1:1" % (self.secret_dir, self.port))
        self.state = {
            "pid": -1, "cmd": [STAND_IN, self.config, "--tls", "--no-direct-s3-read"],
            "files": [self.config], "mount_time": time.time() - 3600,
            "mountpoint": "/" + point.replace(".", "/"), "mountStateDir": self.name + "+",
            "fsId": "fs-0123456789abcdef0", "aKeyFromTheFuture": {"kept": True},
        }
        bench.mounts.append(self)
        if start:
            self.start_tunnel()

    def spawn(self):
        """The command as mount.efs starts it: own session, listener as descriptor 3."""
        def prepare():
            os.dup2(self.listener.fileno(), 3)
            os.environ["LISTEN_PID"] = str(os.getpid())

        env = dict(os.environ, STAND_IN_DIR=self.bench.notes)
        script = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        self.process = subprocess.Popen(["/bin/sh", "-c", script, "sh"] + self.state["cmd"],
                                        env=env, start_new_session=True, preexec_fn=prepare,
                                        pass_fds=[3], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.state["pid"] = self.process.pid

    def start_tunnel(self):
        before = len(self.starts())
        self.spawn()
        wait_for("the first tunnel", lambda: len(self.starts()) > before)

    def publish(self, pending=False):
        path = os.path.join(self.bench.state_dir, ("~" if pending else "") + self.name)
        write(path, json.dumps(self.state))

    def hand_over_listener(self):
        self.bench.ask({"v": 1, "op": "listener", "name": self.name}, self.listener)
        self.listener.close()  # as mount.efs does when it exits

    def close_listener(self):
        self.listener.close()

    def note(self, kind):
        return os.path.join(self.bench.notes, "%d.%s" % (self.port, kind))

    def starts(self):
        """(pid, "inherited" or "own") for each tunnel that was ever started for this port."""
        return [(int(line.split()[0]), line.split()[1])
                for line in read(self.note("starts")).splitlines()]

    def tunnel_pid(self):
        return self.starts()[-1][0]

    def saved(self):
        return json.loads(read(self.state_path))

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        self.bench.addCleanup(client.close)
        return client

    def greeting(self, client=None):
        """The pid of the tunnel that serves the connection."""
        own = client or self.connect()
        text = b""
        while not text.endswith(b"\n"):
            byte = own.recv(1)
            if not byte:
                raise AssertionError("closed without a greeting")
            text += byte
        if client is None:
            own.close()
        return int(text)

    def kill_tunnel(self):
        os.kill(self.tunnel_pid(), signal.SIGKILL)


class WatchdogBench(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        adopt_orphans()  # tunnels whose watchdog ended
        self.root = tempfile.mkdtemp(prefix="efs-watchdog-")
        self.state_dir = self.path("state")
        self.notes = self.path("notes")
        self.log_path = self.path("log", "mount-watchdog.log")
        self.config = self.path("etc", "efs-utils.conf")
        self.mountinfo = self.path("table", "mountinfo")
        self.mounts = []
        self.watchdogs = []
        self.tunnel_pids = []  # of tunnels that leave no note of their starts
        for name in ("state", "notes", "etc", "table", "net/nfsfs", "net/rpc"):
            os.makedirs(self.path(name))
        self.set_rpc_calls(1)
        self.set_config("")
        self.set_table([])
        self.set_kernel_clients([])

    def tearDown(self):
        for watchdog in self.watchdogs:
            if watchdog.poll() is None:
                watchdog.kill()
                watchdog.wait(WAIT)
        # All of them are our children or were reaped by their watchdog: no stranger has the number.
        noted = [pid for mount in self.mounts for pid, _ in mount.starts()]
        for pid in self.tunnel_pids + noted:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # The log writer would wait a while for the next who needs it. The lock tells its pid.
        writer = read(os.path.join(self.state_dir, "log-writer.lock")).strip()
        if writer and alive(int(writer)):
            os.kill(int(writer), signal.SIGKILL)
        wait_for("the end of all children", no_children)
        if not self._outcome.success:
            print(read(self.log_path))
        shutil.rmtree(self.root)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def set_config(self, watchdog_section):
        write(self.config, "[DEFAULT]\nlogging_level = DEBUG\nlogging_max_bytes = 1048576\n"
              "logging_file_count = 10\n[mount]\ndns_name_format = {fs_id}.{region}\n"
              "[mount-watchdog]\nenabled = true\npoll_interval_sec = 1\n"
              "unmount_grace_period_sec = 30\n" + watchdog_section)

    def set_table(self, mounts):
        lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
        for i, mount in enumerate(mounts):
            lines.append("%d 22 0:%d / %s rw,relatime shared:%d - nfs4 127.0.0.1:/ "
                         "rw,vers=4.1,hard,proto=tcp,port=%d,addr=127.0.0.1" %
                         (100 + i, 50 + i, mount.state["mountpoint"].replace(" ", "\\040"),
                          100 + i, mount.port))
        write(self.mountinfo, "\n".join(lines) + "\n")

    def set_kernel_clients(self, mounts):
        lines = ["NV SERVER   PORT USE HOSTNAME"]
        lines += ["v4 7f000001 %4x   2 127.0.0.1" % mount.port for mount in mounts]
        write(self.path("net", "nfsfs", "servers"), "\n".join(lines) + "\n")

    def set_rpc_calls(self, count):
        """The NFS client's counters of all mounts together: they move when it sends anything."""
        write(self.path("net", "rpc", "nfs"), "net 0 0 0 0\nrpc %d 0 %d\n" % (count, count))

    def command(self):
        return [PROGRAM, "--state-dir", self.state_dir, "--config", self.config, "--log-dir",
                self.path("log"), "--mountinfo", self.mountinfo, "--proc-net", self.path("net")]

    def start_watchdog(self, wait=True, wrapper=(), **env):
        environment = dict(os.environ, STAND_IN_DIR=self.notes, **env)
        before = self.log().count(", is enabled and started")
        watchdog = subprocess.Popen(list(wrapper) + self.command(), env=environment,
                                    stdin=subprocess.DEVNULL)
        self.watchdogs.append(watchdog)
        if wait:
            self.wait_log(", is enabled and started", before + 1)
            self.ask({"v": 1, "op": "ping"})
        return watchdog

    def ask(self, request, descriptor=None):
        path = os.path.join(self.state_dir, "watchdog.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(WAIT)
            # Refused: the file of a watchdog that was killed is still there.
            wait_for("the watchdog's socket", lambda: link.connect_ex(path) == 0)
            rights = []
            if descriptor is not None:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                           array.array("i", [descriptor.fileno()]).tobytes())]
            link.sendmsg([json.dumps(request).encode()], rights)
            reply = json.loads(link.recv(4096))
        self.assertTrue(reply["ok"], reply)
        return reply

    def log(self):
        return read(self.log_path)

    def assertToldOnce(self, fragment, last=None):
        """`last`, if given, is a line that comes after it: its writer is another process, and keeps the order."""
        self.wait_log(last or fragment)
        self.assertEqual(self.log().count(fragment), 1, fragment)

    def wait_log(self, fragment, count=1, limit=PATIENCE):
        try:
            wait_for("%d times \"%s\" in the log" % (count, fragment),
                     lambda: self.log().count(fragment) >= count, limit)
        except AssertionError as vain:
            raise AssertionError("%s:\n%s" % (vain, self.log()[-4000:])) from None

    def log_stays(self, what, judge, seconds):
        """Through so many seconds judge(log) is true."""
        try:
            stays(what, lambda: judge(self.log()), seconds)
        except AssertionError as broken:
            raise AssertionError("%s:\n%s" % (broken, self.log()[-4000:])) from None

    def mounted(self, point="mnt.a", **arguments):
        """A mount as it is after a successful mount.efs, in the table, supervised."""
        mount = Mount(self, point, **arguments)
        mount.publish()
        self.set_table(self.mounts)
        return mount
