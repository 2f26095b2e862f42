"""What umount.efs and efsctl get from the watchdog: an end without delay, and the truth."""
import array
import json
import os
import socket
import subprocess
import time
import unittest

from cleanup_test import CONSISTENCY

from efs_test.files import write
from efs_test.processes import alive
from efs_test.programs import program
from efs_test.waiting import PATIENCE, SCALE, WAIT, Stopwatch, stays, wait_for
from efs_test.watchdog import Mount, WatchdogBench

EFSCTL = program("efsctl")


class Announced(WatchdogBench):
    def supervised(self, point="mnt.a", **arguments):
        mount = self.mounted(point, **arguments)
        mount.hand_over_listener()
        self.wait_log("%s: supervising the tunnel with PID" % mount.name)
        return mount

    def announce(self, mount):
        self.ask({"v": 1, "op": "unmounted", "name": mount.name})

    def wait_gone(self, mount, limit=PATIENCE):
        wait_for("the end of the clean-up", lambda: not os.path.exists(mount.state_path), limit)
        self.assertFalse(alive(mount.tunnel_pid()))
        self.assertEqual([n for n in os.listdir(self.state_dir) if mount.name in n], [])

    def test_announced_unmount_is_cleaned_up_at_once(self):
        """CLI-9, WD-5: umount.efs has seen the end of the unmount."""
        self.start_watchdog()
        mount = self.supervised()
        keeper = self.supervised("mnt.b")
        self.set_table([keeper])
        watch = Stopwatch()
        self.announce(mount)
        self.wait_gone(mount)
        self.assertLess(watch.own(), CONSISTENCY * SCALE)
        self.assertEqual(keeper.greeting(), keeper.process.pid)

    def test_announced_unmount_with_a_dead_tunnel_starts_none(self):
        self.start_watchdog()
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.state["mount_time"] = time.time()
        mount.publish()
        wait_for("its tunnel", mount.starts)  # young, so it is taken to be mounted
        starts = len(mount.starts())
        mount.kill_tunnel()
        self.announce(mount)
        self.wait_gone(mount)
        self.assertLessEqual(len(mount.starts()), starts + 1)

    def test_announcement_does_not_end_a_tunnel_in_use(self):
        """The kernel's word counts more: other mounts, open files."""
        self.start_watchdog()
        mount = self.supervised()
        self.announce(mount)  # it is still in the table
        self.set_kernel_clients([mount])
        self.set_table([])
        self.wait_log('No mount found for "%s"' % mount.name)
        self.announce(mount)
        stays("the tunnel in use", lambda: alive(mount.process.pid), CONSISTENCY)
        self.assertEqual(mount.greeting(), mount.process.pid)
        self.set_kernel_clients([])
        self.wait_gone(mount)

    def test_unknown_names_are_taken_and_nonsense_is_refused(self):
        self.start_watchdog()
        self.ask({"v": 1, "op": "unmounted", "name": "fs-1.nowhere.1"})
        path = os.path.join(self.state_dir, "watchdog.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(WAIT)
            link.connect(path)
            link.send(json.dumps({"v": 1, "op": "unmounted", "name": "../x"}).encode())
            self.assertFalse(json.loads(link.recv(4096))["ok"])


class Status(Announced):
    def efsctl(self, *words, wrapper=()):
        return subprocess.run(
            list(wrapper) + [EFSCTL, "status", "--state-dir", self.state_dir, "--mountinfo",
                             self.mountinfo] + list(words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=WAIT)

    def report(self, *words, code=0):
        ended = self.efsctl("--json", *words)
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        return json.loads(ended.stdout)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            ended = subprocess.run([EFSCTL, "status", "--state-dir", self.state_dir, "--mountinfo", self.mountinfo],
                                   stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT)
        self.assertEqual(ended.returncode, 2)
        self.assertIn("No space left on device", ended.stderr)

    def test_no_mounts_are_well(self):
        self.start_watchdog()
        self.assertEqual(self.report()["mounts"], [])
        self.assertEqual(self.efsctl().stdout, "no EFS mounts\n")

    def test_healthy_mount_and_its_replaced_tunnel(self):
        watchdog = self.start_watchdog()
        mount = self.supervised("mnt.a b")
        report = self.report()
        self.assertEqual(report["watchdog"]["pid"], watchdog.pid)
        self.assertIsNone(report["watchdog"]["problem"])
        entry = report["mounts"][0]
        self.assertEqual(
            {key: entry[key] for key in ("file_system", "mount_point", "state", "healthy", "port",
                                         "tunnel_pid", "tls", "restarts", "last_error", "name")},
            {"file_system": "fs-0123456789abcdef0", "mount_point": "/mnt/a b", "state": "mounted",
             "healthy": True, "port": mount.port, "tunnel_pid": mount.process.pid, "tls": True,
             "restarts": 0, "last_error": None, "name": mount.name})
        mount.kill_tunnel()
        mount.process.wait()
        wait_for("a new tunnel", lambda: len(mount.starts()) == 2)
        entry = wait_for("its pid", lambda: [e for e in self.report()["mounts"]
                                             if e["tunnel_pid"] == mount.tunnel_pid()])[0]
        self.assertEqual(entry["restarts"], 1)

    def test_tunnel_that_cannot_start_is_told_with_its_reason(self):
        self.start_watchdog()
        mount = self.supervised()
        os.rename(mount.config, mount.config + ".away")
        write(mount.config, "nonsense")
        mount.state["cmd"][0] = "/nowhere/efs-proxy"
        mount.state["cmd"].append("--an-option-that-no-tunnel-has")
        mount.publish()
        mount.kill_tunnel()
        mount.process.wait()
        self.wait_log("Watchdog failed to start the TLS tunnel for " + mount.name)
        entry = self.report(code=1)["mounts"][0]
        self.assertEqual(entry["state"], "tunnel_down")
        self.assertIsNone(entry["tunnel_pid"])
        self.assertTrue(entry["last_error"])
        self.assertIn(entry["last_error"], entry["problem"])
        table = self.efsctl()
        self.assertEqual(table.returncode, 1)
        self.assertIn("tunnel down", table.stdout)

    def test_mount_whose_client_is_in_another_network_is_told(self):
        """Issue 11, A13: a driver's pod came back with another network; its mounts hung, and were said to be well."""
        well, elsewhere = Mount(self, "mnt.a"), Mount(self, "mnt.b")
        for mount in (well, elsewhere):
            mount.publish()
        self.set_table([well, elsewhere])
        # Of a client that is not 127.0.0.1's, too: what counts is the superblock's device (set_table()).
        write(self.path("net", "nfsfs", "volumes"), "NV SERVER   PORT DEV          FSID    FSC\n"
              "v4 7f000001 %x 0:50         0:0     no\n" % well.port)
        self.start_watchdog()
        self.wait_log("%s: its NFS client is in another network namespace" % elsewhere.name)
        problems = {entry["name"]: entry["last_error"] for entry in self.report(code=1)["mounts"]}
        self.assertIn("another network namespace", problems[elsewhere.name])
        self.assertIsNone(problems[well.name])
        self.assertEqual(self.log().count("another network namespace"), 1)

    def test_unmounting_and_pending_mounts(self):
        self.start_watchdog()
        mount = self.supervised()
        self.set_kernel_clients([mount])
        self.set_table([])
        self.wait_log('No mount found for "%s"' % mount.name)
        other = Mount(self, "mnt.b")
        other.publish(pending=True)
        self.wait_log("%s: supervising the tunnel" % other.name)
        states = {e["name"]: e["state"] for e in self.report()["mounts"]}
        self.assertEqual(states, {mount.name: "unmounting", other.name: "pending"})

    def test_without_a_watchdog_the_files_and_the_kernel_tell(self):
        mount = self.mounted()
        report = self.report(code=1)
        self.assertIn("no watchdog answers", report["watchdog"]["problem"])
        entry = report["mounts"][0]
        self.assertEqual((entry["state"], entry["tunnel_pid"], entry["restarts"]),
                         ("mounted", mount.process.pid, None))
        mount.close_listener()
        mount.kill_tunnel()
        mount.process.wait()
        self.assertEqual(self.report(code=1)["mounts"][0]["state"], "tunnel_down")

    def test_choice_by_file_system_and_mount_point(self):
        self.start_watchdog()
        self.supervised("mnt.a")
        self.supervised("mnt.b")
        self.assertEqual(len(self.report("fs-0123456789abcdef0")["mounts"]), 2)
        self.assertEqual(len(self.report("/mnt//b/")["mounts"]), 1)
        none = self.efsctl("/mnt/c")
        self.assertEqual(none.returncode, 2)
        self.assertEqual(none.stderr, "efsctl: no EFS mount is /mnt/c\n")

    def test_only_root_is_answered(self):
        ended = self.efsctl(wrapper=["setpriv", "--reuid=65534", "--clear-groups"])
        self.assertEqual((ended.returncode, ended.stderr),
                         (2, "efsctl: only root can see the state of the mounts (be root, or a member of the group that key "
                             "status_group names)\n"))

    def test_many_mounts_fit(self):
        """More than one packet."""
        table = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
        for i in range(300):
            table.append("%d 22 0:%d / /mnt/%d rw - nfs4 127.0.0.1:/ rw,port=%d,addr=127.0.0.1" %
                         (100 + i, 50 + i, i, 30000 + i))
            name = "fs-%017d.mnt.%d.%d" % (i, i, 30000 + i)
            write(os.path.join(self.state_dir, name),
                  json.dumps({"pid": -1, "cmd": [], "files": [], "mount_time": time.time(),
                              "mountpoint": "/mnt/%d" % i}))
        write(self.mountinfo, "\n".join(table) + "\n")
        self.start_watchdog()
        report = wait_for("all of them", lambda: (
            lambda r: r if len(r["mounts"]) == 300 and
            all(e["restarts"] is not None for e in r["mounts"]) else None)(
                json.loads(self.efsctl("--json").stdout)))
        self.assertEqual(len({e["name"] for e in report["mounts"]}), 300)

    def test_reader_that_never_reads_holds_up_nobody(self):
        self.start_watchdog()
        self.supervised()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(os.path.join(self.state_dir, "watchdog.sock"))
            link.send(json.dumps({"v": 1, "op": "status"}).encode())
            self.assertEqual(len(self.report()["mounts"]), 1)
            text, ancillary, _, _ = link.recvmsg(4096, socket.CMSG_SPACE(4))
            self.assertTrue(json.loads(text)["ok"])
            fds = array.array("i", ancillary[0][2])
            with os.fdopen(fds[0]) as file:
                self.assertEqual(len(json.load(file)["mounts"]), 1)


if __name__ == "__main__":
    unittest.main()
