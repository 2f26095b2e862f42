"""Two releases on one host, as after an upgrade or on the way back: the tunnel and the state file that one release's
mount.efs made, looked after by the other's watchdog, through every kind of fault.

EFS_OLD_BIN names the programs of the former release (`./test.sh faults` builds them). mount.efs is killed in its kernel
mount, where it waits for a server that is silent, and the state file is published for it: tunnel, state and certificate
are those of a mount. The table of mounts is a file. As in a package the program's path stays and its content changes.

Contract: UP-1, UP-2, UP-3, WD-3, WD-5, WD-6, WD-13, CERT-7.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from efs_test import mount_helper
from efs_test.files import read, write
from efs_test.machine import CONFIG
from efs_test.mount_helper import HelperBench, MOUNTPOINT, STATE
from efs_test.processes import alive, processes
from efs_test.programs import BIN
from efs_test.waiting import WAIT, stays, wait_for

OLD_BIN = os.environ.get("EFS_OLD_BIN", "")
TABLE, LOGS, PROC_NET = "/run/table/mountinfo", "/run/watchdog-log", "/run/net"
WATCHDOG = "amazon-efs-mount-watchdog"
NULL_CALL = bytes.fromhex("80000028" "00000007" "00000000" "00000002" "000186a3" "00000004" + "00" * 20)

if OLD_BIN:
    mount_helper.enter()


class Mixed(HelperBench):
    """`maker` made tunnel and state, `keeper` is the watchdog's release and the one that is installed now."""
    maker = keeper = None

    @classmethod
    def setUpClass(cls):
        if cls.maker is None or not os.path.isdir(OLD_BIN):
            raise unittest.SkipTest("needs the programs of the former release in EFS_OLD_BIN")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.watchdogs = []
        shutil.rmtree(LOGS, ignore_errors=True)
        for path in (os.path.dirname(TABLE), PROC_NET + "/nfsfs", PROC_NET + "/rpc"):
            os.makedirs(path, exist_ok=True)
        text = read(CONFIG).replace("[mount-watchdog]", "[mount-watchdog]\nhang_detection_sec = 3\naz_failover = off")
        write(CONFIG, text)
        self.set_calls(1)
        self.install(self.maker)
        self.name = self.mounted()
        for pid in processes(WATCHDOG[:15]):  # which a helper starts without systemd
            os.kill(pid, signal.SIGKILL)
        wait_for("the end of its watchdog", lambda: not processes(WATCHDOG[:15]))
        self.port = int(self.name.rsplit(".", 1)[1])
        self.pid = self.saved()["pid"]
        self.set_table([self.port])
        self.install(self.keeper)

    def tearDown(self):
        for name in (WATCHDOG[:15], "efs-proxy"):
            for pid in processes(name):  # of this PID namespace: ours
                os.kill(pid, signal.SIGKILL)
        for watchdog in self.watchdogs:
            watchdog.wait(WAIT)
        wait_for("their end", lambda: not processes("efs-proxy") + processes(WATCHDOG[:15]))
        if not self._outcome.success:
            print(self.log()[-6000:])
        super().tearDown()

    def install(self, release):
        """What a package does: the same paths, another release."""
        for name in ("efs-proxy", "efs-log-writer", WATCHDOG):
            link = f"{self.programs}/{name}"
            if os.path.lexists(link):
                os.unlink(link)
            if os.path.exists(f"{release}/{name}"):
                os.symlink(f"{release}/{name}", link)
        self.helper = f"{release}/mount.efs"

    def set_table(self, ports):
        lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
        lines += [f"{100 + port} 22 0:50 / {MOUNTPOINT} rw,relatime shared:9 - nfs4 127.0.0.1:/ "
                  f"rw,vers=4.1,hard,proto=tcp,port={port},addr=127.0.0.1" for port in ports]
        write(TABLE, "\n".join(lines) + "\n")
        clients = ["NV SERVER   PORT USE HOSTNAME"] + [f"v4 7f000001 {port:4x}   2 127.0.0.1" for port in ports]
        write(f"{PROC_NET}/nfsfs/servers", "\n".join(clients) + "\n")

    def set_calls(self, count):
        """The counters of the kernel's NFS client move when it sends anything."""
        write(f"{PROC_NET}/rpc/nfs", f"net 0 0 0 0\nrpc {count} 0 {count}\n")

    def saved(self):
        return json.loads(read(f"{STATE}/{self.name}"))

    def saved_pid(self):
        """None while there is no state file, or a damaged one."""
        try:
            return self.saved().get("pid")
        except ValueError:
            return None

    def log(self):
        return read(f"{LOGS}/mount-watchdog.log")

    def wait_log(self, words, count=1):
        wait_for(f"{count} times '{words}'", lambda: self.log().count(words) >= count)

    def watch(self, release=None, adopts=True):
        before = self.log().count(", is enabled and started")
        self.watchdogs.append(self.start_watchdog(release or self.keeper))
        self.wait_log(", is enabled and started", before + 1)
        if adopts:
            self.wait_log(f"supervising the tunnel with PID {self.pid}")
        return self.watchdogs[-1]

    def start_watchdog(self, release):
        return subprocess.Popen(
            [f"{release}/{WATCHDOG}", "--mountinfo", TABLE, "--proc-net", PROC_NET, "--log-dir", LOGS],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            env={"PATH": f"{self.programs}:/usr/bin:/bin"})

    def end(self, watchdog):
        watchdog.kill()
        watchdog.wait(WAIT)

    def call(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        self.addCleanup(client.close)
        self.calls = getattr(self, "calls", 1) + 1
        self.set_calls(self.calls)
        client.sendall(NULL_CALL)
        return client

    def serves(self):
        """A NULL call is answered by the NFS server behind the tunnel, as the kernel would come again."""
        def answered():
            try:
                with self.call() as client:
                    return client.recv(4096)[4:8] == b"\0\0\0\7"
            except OSError:
                return False
        wait_for("an answer through the tunnel", answered)

    def kill_tunnel(self):
        os.kill(self.pid, signal.SIGKILL)

    def assertReplaced(self):
        """By the installed release, behind the same port, with its pid in the state file, and by one alone."""
        def successor():
            living = [pid for pid in processes("efs-proxy") if pid != self.pid]
            return living[0] if len(living) == 1 and not alive(self.pid) else None
        new = wait_for("one new tunnel", successor)
        wait_for("its pid in the state", lambda: self.saved_pid() == new)
        self.assertEqual(os.readlink(f"/proc/{new}/exe"), os.path.realpath(f"{self.keeper}/efs-proxy"))
        self.serves()
        self.pid = new

    def assertSameTunnel(self):
        self.assertEqual(processes("efs-proxy"), [self.pid])
        self.serves()


class Faults:
    """Every one of them for both directions."""

    def test_a_living_tunnel_is_left_alone(self):
        before = self.saved()
        self.watch()
        self.serves()
        stays("the same tunnel", lambda: processes("efs-proxy") == [self.pid], 3)
        after = self.saved()
        self.assertEqual({key: after[key] for key in before}, before, "nothing that the other wrote is lost")

    def test_a_killed_tunnel_is_replaced(self):
        before = self.saved()
        self.watch()
        self.serves()
        self.kill_tunnel()
        self.assertReplaced()
        after = self.saved()
        self.assertEqual({key: after[key] for key in before if key != "pid"},
                         {key: before[key] for key in before if key != "pid"})

    def test_a_tunnel_that_was_dead_before_is_replaced(self):
        self.kill_tunnel()
        self.watch(adopts=False)
        self.assertReplaced()

    def test_a_stopped_tunnel_is_replaced(self):
        self.watch()
        self.serves()
        os.kill(self.pid, signal.SIGSTOP)
        self.call()
        self.wait_log("replacing its tunnel")
        self.assertReplaced()

    def test_a_silent_server_is_told_and_the_mount_comes_back(self):
        self.watch()
        self.serves()
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        self.call()
        self.wait_log("hangs")
        self.sim.ctl(f"target {self.fs} us-east-1a ok")
        self.serves()
        self.assertEqual(len(processes("efs-proxy")), 1)

    def test_a_reset_by_the_server_costs_a_connection_and_no_tunnel(self):
        self.watch()
        self.serves()
        self.sim.ctl(f"target {self.fs} us-east-1a reset")
        self.assertSameTunnel()

    def test_a_truncated_state_file(self):
        self.watch()
        self.serves()
        write(f"{STATE}/{self.name}", read(f"{STATE}/{self.name}")[:100])
        self.kill_tunnel()
        self.assertReplaced()

    def test_a_deleted_state_file(self):
        self.watch()
        self.serves()
        os.unlink(f"{STATE}/{self.name}")
        self.kill_tunnel()
        self.assertReplaced()

    def test_a_deleted_certificate_is_made_again(self):
        self.watch()
        self.serves()
        os.unlink(self.saved()["certificate"])
        self.wait_log("Renewed the certificate of")
        wait_for("the file", lambda: os.path.exists(self.saved()["certificate"]))
        self.sim.ctl(f"target {self.fs} us-east-1a reset")
        self.assertSameTunnel()

    def test_a_due_certificate_is_renewed_and_read_again(self):
        state = dict(self.saved(), certificateCreationTime="200101000000Z")
        write(f"{STATE}/{self.name}", json.dumps(state))
        before = read(state["certificate"])
        self.watch()
        self.wait_log("Renewed the certificate of")
        wait_for("another certificate", lambda: read(state["certificate"]) not in ("", before))
        self.sim.ctl(f"target {self.fs} us-east-1a reset")
        self.assertSameTunnel()

    def test_a_watchdog_of_the_other_release_goes_on_after_a_kill_and_back(self):
        first = self.watch(self.maker)
        self.end(first)
        self.kill_tunnel()
        second = self.watch(adopts=False)
        self.assertReplaced()
        self.end(second)
        self.watch(self.maker)
        self.assertSameTunnel()
        self.assertEqual(self.saved()["pid"], self.pid)

    def test_a_watchdog_that_is_stopped_while_the_tunnel_dies(self):
        watchdog = self.watch()
        self.serves()
        watchdog.send_signal(signal.SIGSTOP)
        self.kill_tunnel()
        watchdog.send_signal(signal.SIGCONT)
        self.assertReplaced()

    def test_two_watchdogs_of_two_releases_are_one(self):
        """Who comes second ends, or waits, and starts no second tunnel."""
        self.watch(self.maker)
        self.serves()
        started = self.log().count(", is enabled and started")
        self.watchdogs.append(self.start_watchdog(self.keeper))
        stays("one that is at work", lambda: self.log().count(", is enabled and started") == started, 3)
        self.kill_tunnel()
        self.assertReplaced()

    def test_status_reads_what_the_other_release_wrote(self):
        self.watch()
        self.serves()
        for release in (self.keeper, self.maker):
            done = subprocess.run([f"{release}/efsctl", "status"], capture_output=True, text=True, timeout=WAIT,
                                  check=False, env={"PATH": f"{self.programs}:/usr/bin:/bin"})
            self.assertIn(MOUNTPOINT, done.stdout, done.stderr)
            self.assertNotIn("cannot", done.stderr)

    def test_an_unmount_leaves_nothing(self):
        self.watch()
        self.serves()
        self.set_table([])
        wait_for("the end of the tunnel", lambda: not processes("efs-proxy"), 60)
        wait_for("the clean-up", lambda: self.state_files() == [], 90)


class NewWatchdog(Faults, Mixed):
    """After an upgrade."""
    maker, keeper = OLD_BIN, BIN

    def test_an_emptied_state_directory(self):
        """A5: former releases let a second watchdog start."""
        self.watch()
        self.serves()
        for name in os.listdir(STATE):
            path = f"{STATE}/{name}"
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
        self.wait_log("watchdog.lock; it is made anew")
        self.kill_tunnel()
        self.assertReplaced()


class OldWatchdog(Faults, Mixed):
    """After a downgrade, or before the daemon of an upgrade is started anew."""
    maker, keeper = BIN, OLD_BIN


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.isdir(OLD_BIN):
        print("needs root for namespaces, and the programs of the former release in EFS_OLD_BIN; skipped")
        sys.exit(0)
    unittest.main()
