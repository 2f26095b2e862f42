#!/usr/bin/python3
"""Fifty first mounts at the same moment, through fifty access points: fifty ports, tunnels,
certificates and state files, one private key, each server connection with its own identity.

All are held where the server is asked, so that all exist at once; then the server answers, and all go on
to mount(2). (The mounts themselves, their data and counters: e2e 73-mounts-at-once.)

Contract: NFS-9, ST-2, ST-6, CERT-9, TUN-1.
"""
import json
import os
import re
import ssl
import unittest

from efs_test import machine, mount_helper
from efs_test.files import read
from efs_test.mount_helper import ACCESS_POINTS, HelperBench, KEY, STATE
from efs_test.processes import processes
from efs_test.waiting import wait_for

mount_helper.enter()

COUNT = len(ACCESS_POINTS)
LIMIT = 240


class Concurrency(HelperBench):
    def pending(self):
        return [name for name in self.state_files() if name.startswith("~")]

    def access_point_of(self, name):
        """What the mount's certificate says (CERT-2)."""
        # A UTF8String stands in DER as it is. No process for each: the helpers' patience is bounded.
        der = ssl.PEM_cert_to_DER_cert(read(f"{STATE}/{name}+/certificate.pem"))
        return re.search(rb"fsap-[0-9a-f]{17}", der).group(0).decode()

    def test_fifty_at_once(self):
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        # Their patience must outlast a slow machine's start of fifty of them.
        machine.write_config(retry_nfs_mount_command_timeout_sec=120)
        if os.path.exists(KEY):
            os.unlink(KEY)
        helpers = [self.start(f"tls,accesspoint={name}", mountpoint=f"/run/mountpoint-{name}")
                   for name in ACCESS_POINTS]
        wait_for("fifty tunnels that run", lambda: len(self.pending()) == COUNT and
                 len(processes("efs-proxy")) == COUNT and all(
                     json.loads(read(f"{STATE}/{name}"))["pid"] > 0 for name in self.pending()), 120)
        names = [name[1:] for name in self.pending()]
        ports = {name.rsplit(".", 1)[1] for name in names}
        self.assertEqual(len(ports), COUNT)
        self.assertEqual(len({json.loads(read(f"{STATE}/~{name}"))["pid"] for name in names}), COUNT)
        for name in names:
            point = re.search(r"fsap-[0-9a-f]{17}", name).group(0)  # its mount point names it
            self.assertEqual(self.access_point_of(name), point)
            self.assertEqual(json.loads(read(f"{STATE}/~{name}"))["accessPoint"], point)
            accept = re.search(r"accept = 127.0.0.1:(\d+)", read(f"{STATE}/stunnel-config.{name}"))
            self.assertEqual(accept.group(1), name.rsplit(".", 1)[1])
        self.assertEqual(os.stat(KEY).st_mode & 0o777, 0o400)
        # The server is there again; who waits is let go and comes back.
        self.sim.ctl(f"target {self.fs} us-east-1a ok")
        self.sim.ctl(f"target {self.fs} us-east-1a reset")
        for helper in helpers:
            self.finish(helper, LIMIT)
            self.assertEqual(self.code, 32, self.err)
            self.assertIn("no NFSv4 client", self.err)
        self.assertNothingLeft()

    def test_range_that_is_too_small_for_all(self):  # NFS-9
        """Thirty ports for fifty mounts: thirty get one, twenty are told; nobody shares."""
        self.sim.ctl(f"target {self.fs} us-east-1a blackhole")
        # Below the ports that the kernel gives to outgoing connections, of which there are many here.
        machine.write_config(retry_nfs_mount_command_timeout_sec=120,
                                     port_range_lower_bound=30000, port_range_upper_bound=30030)
        helpers = [self.start(f"tls,accesspoint={name}", mountpoint=f"/run/mountpoint-{name}")
                   for name in ACCESS_POINTS]
        wait_for("twenty refusals", lambda: sum(h.poll() is not None for h in helpers) == 20, 120)
        wait_for("thirty tunnels",
                 lambda: len(processes("efs-proxy")) == 30 and len(self.pending()) == 30)
        self.assertEqual(sorted(int(name.rsplit(".", 1)[1]) for name in self.pending()),
                         list(range(30000, 30030)))
        for helper in helpers:
            if helper.poll() is None:
                helper.terminate()
            else:
                self.finish(helper)
                self.assertEqual(self.code, 1)
                self.assertIn("Failed to locate an available port in the range [30000, 30030)",
                              self.err)
        for helper in helpers:
            if not helper.stdout.closed:
                self.finish(helper)
        self.assertNothingLeft()


if __name__ == "__main__":
    unittest.main()
