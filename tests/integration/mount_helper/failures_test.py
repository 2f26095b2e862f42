#!/usr/bin/python3
"""Every failure of mount.efs before mount(2): message, exit code, nothing left behind.

Contract: EX-1, EX-2, section 7, NFS-9, FLOW-1, FLOW-2, CLI-10, section 19.
"""
import os
import signal
import socket
import subprocess
import unittest

from efs_test import machine, mount_helper
from efs_test.files import read
from efs_test.machine import CONFIG, LOG
from efs_test.mount_helper import HelperBench, KEY, MOUNTPOINT, STATE
from efs_test.processes import listening_ports, processes
from efs_test.programs import program, run
from efs_test.waiting import SCALE, WAIT, wait_for

mount_helper.enter()


class Failures(HelperBench):
    def test_the_way_to_mount_works_in_this_bench(self):
        self.mount()
        self.assertReachedMount()
        self.mount("")
        self.assertReachedMount()

    # ---- ports

    def test_full_port_range(self):  # NFS-9
        machine.write_config(port_range_lower_bound=30000,
                                     port_range_upper_bound=30003)
        taken = [socket.create_server(("127.0.0.1", port)) for port in range(30000, 30003)]
        self.ports = listening_ports()
        self.mount()
        self.assertFailed(1, "Failed to locate an available port in the range [30000, 30003)")
        for server in taken:
            server.close()

    def test_ports_of_other_mounts_are_taken_even_when_nobody_listens(self):  # NFS-9, ST-2
        machine.write_config(port_range_lower_bound=30000,
                                     port_range_upper_bound=30002)
        os.makedirs(STATE)
        for name in ("~fs-00000001.mnt.30000", "stunnel-config.fs-00000001.x.30001"):
            with open(f"{STATE}/{name}", "w", encoding="ascii"):
                pass
        self.mount()
        self.assertFailed(1, "Failed to locate an available port in the range")
        self.mount("tls,tlsport=30001")
        self.assertFailed(1, "Specified port [30001] is unavailable")

    def test_port_range_that_is_none(self):  # NFS-9
        machine.write_config(port_range_lower_bound=30000,
                                     port_range_upper_bound=30000)
        self.mount()
        self.assertFailed(1, "port range 30000 to 30000 is empty")

    # ---- configuration and mount point

    def test_configuration_that_cannot_be_read(self):  # CLI-10
        for change in (lambda: (os.unlink(CONFIG), os.mkdir(CONFIG)),
                       lambda: (os.rmdir(CONFIG), os.symlink(CONFIG, CONFIG))):
            change()
            self.mount()
            self.assertFailed(1, CONFIG)
        os.unlink(CONFIG)

    def test_missing_configuration_names_what_is_missing(self):  # CLI-10, section 11.1
        os.unlink(CONFIG)
        self.mount()
        self.assertFailed(1, "missing")

    def mount_in(self, namespace):
        """As mount -N calls us."""
        self.finish(subprocess.Popen(
            [program("mount.efs"), f"{self.fs}:/", MOUNTPOINT, "-N", namespace, "-o", "tls,rw"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={"PATH": f"{self.programs}:/usr/bin:/bin"}, start_new_session=True))

    def test_another_mount_namespace_is_refused(self):
        """CLI-8. Issue 11, A7: it mounted in our own and said 0."""
        os.makedirs(MOUNTPOINT, exist_ok=True)
        other = subprocess.Popen(["unshare", "--mount", "sleep", "1000"])
        self.addCleanup(lambda: (other.kill(), other.wait()))
        ours = os.readlink("/proc/self/ns/mnt")
        wait_for("the namespace", lambda: os.readlink(f"/proc/{other.pid}/ns/mnt") != ours)
        with open(f"/proc/{other.pid}/ns/mnt", "rb") as namespace:
            for name in (str(other.pid), f"/proc/{os.getpid()}/fd/{namespace.fileno()}"):
                self.mount_in(name)
                self.assertFailed(32, "mounting in another mount namespace is not served")
        self.mount_in("/proc/self/ns/net")
        self.assertFailed(32, "is not a mount namespace")

    def test_our_own_mount_namespace_is_no_other_one(self):
        self.mount_in(str(os.getpid()))
        self.assertReachedMount()

    def test_mount_point_that_is_missing_or_a_file(self):  # section 7
        with open("/run/file", "w", encoding="ascii"):
            pass
        done = subprocess.run([program("mount.efs"), f"{self.fs}:/", "/run/file", "-o", "tls"],
                              capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(done.returncode, 32)
        self.assertIn("/run/file is not a directory", done.stderr)
        done = subprocess.run([program("mount.efs"), f"{self.fs}:/", "/run/none", "-o", "tls"],
                              capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(done.returncode, 32)
        self.assertIn("mount point /run/none: No such file or directory", done.stderr)
        self.assertNothingLeft()

    # ---- disks

    def test_full_disk_below_the_state_directory(self):
        self.mount()  # the key is there
        self.assertReachedMount()
        os.makedirs(STATE, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "size=16k,mode=750", "state", STATE)
        with open(f"{STATE}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        self.mount()
        self.assertFailed(1, STATE, "No space left on device")

    def test_state_directory_that_is_read_only(self):
        os.makedirs(STATE, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "ro", "state", STATE)
        self.mount()
        self.assertFailed(1, STATE, "Read-only file system")

    def test_read_only_etc(self):  # CERT-9: an existing key serves, a new one cannot be made
        self.mount()
        self.assertReachedMount()
        run("mount", "--bind", "/etc/amazon/efs", "/etc/amazon/efs")
        run("mount", "-o", "remount,bind,ro", "/etc/amazon/efs")
        try:
            self.mount()
            self.assertReachedMount()
        finally:
            run("umount", "/etc/amazon/efs")
        os.unlink(KEY)
        run("mount", "--bind", "/etc/amazon/efs", "/etc/amazon/efs")
        run("mount", "-o", "remount,bind,ro", "/etc/amazon/efs")
        try:
            self.mount()
            self.assertFailed(1, "privateKey.pem", "Read-only file system")
            self.mount("")  # plain mounts need no key
            self.assertReachedMount()
        finally:
            run("umount", "/etc/amazon/efs")

    def test_a_log_that_cannot_be_written_is_no_reason_not_to_mount(self):
        run("mount", "-t", "tmpfs", "-o", "ro", "log", "/var/log")
        try:
            self.mount()
        finally:
            run("umount", "/var/log")
        self.assertEqual(self.code, 32)
        self.assertIn("no NFSv4 client", self.err)
        self.assertIn("warning", self.err)

    # ---- the tunnel

    def test_missing_tunnel_program(self):
        self.tunnel(None)
        self.mount()
        self.assertFailed(1, "Failed to locate", "efs-proxy")

    def test_tunnel_program_that_cannot_be_run(self):
        self.script("#!/nonexistent/interpreter\n")
        self.mount()
        self.assertFailed(1, "Failed to initialize tunnel for")
        self.logged("Failed to start tunnel (errno=")

    def test_tunnel_that_dies_at_once(self):  # FLOW-2
        self.script("#!/bin/sh\nexit 101\n")
        self.mount()
        self.assertFailed(1, "Failed to initialize tunnel for", "did not start")
        self.assertLess(self.took, 5 * SCALE)

    def test_tunnel_that_says_why_it_dies(self):  # FLOW-2
        self.script("#!/bin/sh\nprintf 'failed\\tlistening\\tio\\tno more memory\\n' "
                    ">&\"$EFS_STATUS_FD\"\nexit 1\n")
        self.mount()
        self.assertFailed(1, "Failed to initialize tunnel for", "no more memory")

    def test_tunnel_that_dies_after_it_listened(self):  # FLOW-2
        self.script("#!/bin/sh\nprintf 'listening\\t127.0.0.1:1\\n' >&\"$EFS_STATUS_FD\"\nexit 1\n")
        self.mount(limit=90)
        self.assertFailed(1, "the tunnel died during the mount")
        self.assertLess(self.took, 25 * SCALE)

    def test_tunnel_that_dies_while_the_server_is_asked(self):  # FLOW-2
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        helper = self.start()
        wait_for("the tunnel", lambda: processes("efs-proxy"))
        wait_for("its connection", lambda: "Accepted" in "".join(
            read(f"/var/log/amazon/efs/{name}") for name in os.listdir("/var/log/amazon/efs")
            if name.endswith("efs-proxy.log")))
        os.kill(processes("efs-proxy")[0], signal.SIGKILL)
        self.finish(helper)
        self.assertFailed(1, "the tunnel died during the mount")

    # ---- identity

    def test_credentials_file_that_others_can_read_is_warned_about(self):
        home = "/run/home-of-root/.aws"
        os.makedirs(home)
        with open("/run/passwd", "w", encoding="ascii") as out:
            out.write("root:x:0:0:root:/run/home-of-root:/bin/sh\n")
        run("mount", "--bind", "/run/passwd", "/etc/passwd")
        try:
            with open(f"{home}/credentials", "w", encoding="ascii") as out:
                out.write("[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = "
                          "wJalrXUtnFEMI/K7MDENG\naws_session_token = token\n")
            os.chmod(f"{home}/credentials", 0o644)
            self.mount("tls,iam")
            self.assertReachedMount()
            self.logged(f"{home}/credentials holds credentials and is accessible to other users", "no NFSv4 client")
            os.unlink(LOG)
            os.chmod(f"{home}/credentials", 0o600)
            self.mount("tls,iam")
            self.assertReachedMount()
            self.assertNotIn("accessible to other users", self.logged("no NFSv4 client"))
        finally:
            run("umount", "/etc/passwd")

    def test_clock_that_is_wrong(self):
        for offset in ("-7200", "20000"):
            with self.subTest(offset=offset):
                self.sim.ctl(f"clock {offset}")
                self.mount("tls,iam")
                self.assertEqual(self.code, 32, self.err)
                self.assertIn("clock", self.err)
                self.assertNothingLeft()

    def test_certificate_that_the_server_refuses(self):
        self.mount("tls,accesspoint=fsap-0badbadbadbadbad0", limit=90)
        self.assertFailed(32, "access point fsap-0badbadbadbadbad0")

    def test_missing_authorities(self):  # section 19
        os.unlink("/etc/amazon/efs/efs-utils.crt")
        self.mount()
        self.assertFailed(1, "Failed to find certificate authority file for verification")
        self.logged("Failed to find CAfile")

    def test_revocation_cannot_be_checked_without_a_responder(self):  # MODE-1
        # The simulator's certificates name none, which passes, as it does with stunnel.
        self.mount("tls,ocsp")
        self.assertReachedMount()


if __name__ == "__main__":
    unittest.main()
