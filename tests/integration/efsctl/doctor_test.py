#!/usr/bin/python3
"""Promise: efsctl doctor names the cause of each fault, within ten seconds, and changes nothing.

Each row of FAULTS is a row of docs/troubleshooting.md (table "fault -> verdict"), which this test compares.
"""
import contextlib
import os
import re
import socket
import subprocess
import unittest

from efs_test import machine, mount_helper
from efs_test.doctor import DoctorBench
from efs_test.files import read, write
from efs_test.machine import CONFIG, SILENT
from efs_test.mount_helper import KEY, MOUNTPOINT
from efs_test.programs import SOURCE, program, run
from efs_test.simulator import FS

mount_helper.enter()

NAME = f"{FS}.efs.us-east-1.amazonaws.com"
ZONAL = f"us-east-1a.{NAME}"
CA = "/etc/amazon/efs/efs-utils.crt"


@contextlib.contextmanager
def told(bench, command, undo):
    """The simulator's world is otherwise for a while."""
    bench.sim.ctl(command)
    try:
        yield
    finally:
        bench.sim.ctl(undo)


@contextlib.contextmanager
def file_with(path, text):
    before = read(path) if os.path.exists(path) else None
    write(path, text)
    try:
        yield
    finally:
        if before is None:
            os.unlink(path)
        else:
            write(path, before)


@contextlib.contextmanager
def without(path):
    os.rename(path, path + ".away")
    try:
        yield
    finally:
        os.rename(path + ".away", path)


@contextlib.contextmanager
def no_names(bench):
    with told(bench, f"dns unset {NAME}", f"dns set {NAME}"), told(bench, f"dns unset {ZONAL}", f"dns set {ZONAL}"):
        yield


@contextlib.contextmanager
def configuration(**changes):
    machine.write_config(**changes)
    try:
        yield
    finally:
        machine.write_config()


@contextlib.contextmanager
def loopback_down():
    run("ip", "link", "set", "lo", "down")
    try:
        yield
    finally:
        run("ip", "link", "set", "lo", "up")


@contextlib.contextmanager
def kernel_without_nfs():
    """Neither the client nor a module of it: this machine's own may have both."""
    write("/run/no-nfs", "nodev\ttmpfs\n")
    run("mount", "--bind", "/run/no-nfs", "/proc/filesystems")
    modules = os.path.isdir("/lib/modules")
    if modules:
        run("mount", "-t", "tmpfs", "tmpfs", "/lib/modules")
    try:
        yield
    finally:
        run("umount", "/proc/filesystems")
        if modules:
            run("umount", "/lib/modules")


@contextlib.contextmanager
def ports_taken():
    with configuration(port_range_lower_bound=30000, port_range_upper_bound=30002):
        taken = [socket.create_server(("127.0.0.1", port)) for port in (30000, 30001)]
        try:
            yield
        finally:
            for server in taken:
                server.close()


def pinned(address):
    return file_with("/etc/hosts", f"127.0.0.1 localhost\n{address} {NAME} {ZONAL}\n")


def with_target(state, undo="ok"):
    return lambda bench: told(bench, f"target {FS} us-east-1a {state}", f"target {FS} us-east-1a {undo}")


def switch(command, undo):
    return lambda bench: told(bench, command, undo)


def plain(make):
    return lambda bench: make()


TLS = ("-o", "tls", f"{FS}:/")
IAM = ("-o", "tls,iam", f"{FS}:/")
# fault -> how it is made, what is asked, the step that is named, words of it
FAULTS = {
    "DNS does not answer": (switch("dns down", "dns ok"), TLS, "name servers", "none answers"),
    "DNS answers SERVFAIL": (switch("dns servfail", "dns ok"), TLS, "name servers", "none answers"),
    "the name does not exist": (no_names, TLS, "mount target", "Failed to resolve", "region"),
    "the region is misspelt": (plain(contextlib.nullcontext), ("-o", "tls,region=us-esat-1", f"{FS}:/"), "mount target",
                               "did you mean us-east-1"),
    "the metadata service is silent, no region is set": (switch("imds down", "imds ok"), TLS, "region"),
    "the mount target refuses": (with_target("refuse"), TLS, "connection", "refused", "state"),
    "the port is filtered": (plain(lambda: pinned(SILENT)), TLS, "connection", "did not answer", "/etc/hosts"),
    "no route to the mount target": (plain(lambda: pinned("203.0.113.7")), TLS, "connection", "no route"),
    "a mounttargetip that is silent": (plain(contextlib.nullcontext),
                                       ("-o", f"tls,mounttargetip={SILENT}", f"{FS}:/"), "mount target", "Cannot connect"),
    "large packets are lost, or the server is stuck": (with_target("blackhole"), TLS, "TLS", "handshake", "MTU"),
    "the TLS handshake stalls": (switch("tls handshake-stall on", "tls handshake-stall off"), TLS, "TLS", "handshake"),
    "the server's certificate is another's": (switch("cert wrong-name", "cert ok"), TLS, "TLS", "certificate"),
    "the server's certificate is of an unknown authority": (switch("cert wrong-chain", "cert ok"), TLS, "TLS", "CA bundle"),
    "the server's certificate has ended": (switch("cert expired", "cert ok"), TLS, "TLS", "expired"),
    "the policy denies this host": (switch(f"deny {FS} on", f"deny {FS} off"), TLS, "authorisation", "policy"),
    "the policy denies this identity": (switch(f"deny {FS} on", f"deny {FS} off"), IAM, "authorisation", "ClientMount",
                                        "instance role efs-client"),
    "the file system demands iam": (switch(f"fs-require-iam {FS} on", f"fs-require-iam {FS} off"), TLS, "authorisation",
                                    "mount option iam"),
    "the file system demands tls": (switch(f"fs-require-tls {FS} on", f"fs-require-tls {FS} off"), ("-o", "rw", f"{FS}:/"),
                                    "NFS", "tls"),
    "the access point does not exist": (plain(contextlib.nullcontext),
                                        ("-o", "tls,accesspoint=fsap-0000000000000dead", f"{FS}:/"), "authorisation",
                                        "access point"),
    "the clock is wrong": (switch("clock -7200", "clock 0"), TLS, "authorisation", "clock"),
    "no credentials are found": (switch("imds no-role", "imds ok"), IAM, "identity"),
    "the directory does not exist": (plain(contextlib.nullcontext), ("-o", "tls", f"{FS}:/nowhere"), "directory",
                                     "/nowhere does not exist"),
    "the CA bundle is missing": (plain(lambda: without(CA)), TLS, "authorities", CA),
    "the tunnel's program is missing": (lambda bench: without(f"{bench.programs}/efs-proxy"), TLS, "programs", "efs-proxy"),
    "the configuration cannot be read": (plain(lambda: file_with(CONFIG, "no section\n")), TLS, "configuration", CONFIG),
    "the configuration is missing": (plain(lambda: without(CONFIG)), TLS, "configuration", "missing"),
    "all local ports are taken": (plain(ports_taken), TLS, "local ports", "port"),
    "this kernel has no NFS client": (plain(kernel_without_nfs), TLS, "kernel", "no NFSv4 client"),
    "lo is down": (plain(loopback_down), TLS, "loopback", "ip link set lo up"),
    "an option is mistyped": (plain(contextlib.nullcontext), ("-o", "tls,accespoint=x", f"{FS}:/"), "options", "accesspoint"),
    "iam without tls": (plain(contextlib.nullcontext), ("-o", "iam", f"{FS}:/"), "options", "tls"),
    "the file system id is misspelt": (plain(contextlib.nullcontext), ("-o", "tls", "fs-0123456789abcdefg:/"), "options",
                                       "is not an EFS file system id"),
    "the mount point is missing": (plain(contextlib.nullcontext), ("-o", "tls", f"{FS}:/", "/run/none"), "mount point",
                                   "mkdir"),
    "a line of fstab is mistyped": (plain(lambda: file_with("/etc/fstab", f"{FS}:/ /mnt efs _netdev,nofail,tsl 0 0\n")), (),
                                    "fstab", "line 1", "tls"),
}


class Doctor(DoctorBench):
    def test_names_the_cause_of_each_fault(self):
        for fault, (make, words, step, *expected) in FAULTS.items():
            with self.subTest(fault), make(self):
                self.doctor(*words)
                print(f"    {fault} | {step} | {self.took:.1f} s", flush=True)
                self.assertCause(step, *expected)

    def test_the_documentation_has_the_same_faults(self):
        section = (SOURCE / "docs/troubleshooting.md").read_text().split("<!-- faults -->")[1].split("<!-- end -->")[0]
        table = re.findall(r"^\| ([^|]+) \| `([^|]+)` \|", section, re.M)
        self.assertEqual(table, [(fault, row[2]) for fault, row in FAULTS.items()])

    def test_a_clock_that_is_wrong_is_told_by_the_time_of_sts(self):
        with told(self, "clock 7200", "clock 0"):
            self.doctor(*TLS, AWS_ENDPOINT_URL_STS="http://169.254.170.2")
        self.assertCause("clock", "behind AWS's")

    def test_a_host_without_a_key_has_none_afterwards(self):
        os.unlink(KEY)
        self.doctor(*TLS)
        self.assertWell()
        self.assertIn("private key", self.steps("pass"))
        self.assertFalse(os.path.exists(KEY))

    def test_a_dead_name_server_beside_a_good_one_is_a_warning(self):
        with file_with("/etc/resolv.conf", f"nameserver 127.0.0.1\nnameserver {SILENT}\n"):
            self.doctor(*TLS)
        self.assertEqual(self.answer["verdict"], "warn")
        self.assertEqual(self.steps("warn"), ["name servers"])

    def test_a_package_that_is_not_complete_is_a_warning(self):
        with without(f"{self.programs}/amazon-efs-mount-watchdog"):
            self.doctor(*TLS)
        self.assertEqual(self.steps("warn"), ["programs"])

    def test_lines_of_fstab_that_stop_a_boot_are_warnings(self):
        with file_with("/etc/fstab", f"{FS}:/ /mnt efs defaults,tls 0 0\n"):
            self.doctor()
        self.assertEqual(self.steps("warn"), ["fstab", "fstab"])
        self.assertIn("_netdev", self.answer["findings"][-2]["todo"])

    def test_healthy_set_ups_raise_no_alarm(self):
        fstab = f"{FS}:/ {MOUNTPOINT} efs _netdev,nofail,tls 0 0\n"
        set_ups = [
            (), TLS, IAM, ("-o", "rw", f"{FS}:/"), ("-o", "tls", FS), (FS,), ("-o", "tls", f"{FS}:/", MOUNTPOINT),
            ("-o", "tls,accesspoint=fsap-0123456789abcdef0", f"{FS}:/"), ("-o", "tls,az=us-east-1a", f"{FS}:/"),
            ("-o", "tls,region=us-east-1", f"{FS}:/"), ("-o", "tls", f"{NAME}:/"), ("-o", "tls", f"{ZONAL}:/"),
            ("-o", f"tls,mounttargetip={self.sim.ip_a}", f"{FS}:/"), ("-o", "notunnel", f"{FS}:/"),
            ("-o", "tls,verify=0", f"{FS}:/"), ("-o", "tls,noresvport,_netdev,nofail,x-systemd.automount", f"{FS}:/"),
            ("-o", f"tls,cafile={CA}", f"{FS}:/"), ("-o", "tls,ro,noatime,nconnect=2", f"{FS}:/"),
            ("-o", "tls,tlsport=20777", f"{FS}:/"), ("-a",), (MOUNTPOINT,), (fstab.strip(),)]
        with file_with("/etc/fstab", fstab):
            for words in set_ups:
                with self.subTest(words):
                    self.doctor(*words)
                    self.assertWell()
        self.assertGreaterEqual(len(set_ups), 20)

    def test_what_is_no_mount_is_refused(self):
        for words in (("/nowhere",), ("fsap-0123456789abcdef0",), ("one", "two", "three"), ("a line of nothing",)):
            done = run(program("efsctl"), "doctor", *words, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("efsctl: ", done.stderr)

    def test_mount_f_v_tells_the_plan_and_each_check(self):
        def mount():
            return subprocess.run([program("mount.efs"), f"{FS}:/", MOUNTPOINT, "-f", "-v", "-o", "tls,rw"],
                                  capture_output=True, text=True, timeout=60,
                                  env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        done = mount()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for words in ("What would be done", "authorisation", "All is well"):
            self.assertIn(words, done.stdout)
        with told(self, f"deny {FS} on", f"deny {FS} off"):
            done = mount()
        self.assertEqual(done.returncode, 1)
        self.assertIn('Begin with "authorisation"', done.stdout)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main(verbosity=2)
