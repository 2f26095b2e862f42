#!/usr/bin/python3
"""Back to efs-utils 3.2.0 with mounts up: what its watchdog and its efs-proxy do with our files works.

The test does what contract sections 14 to 18 say of 3.2.0's programs, by their own means (json,
configparser, subprocess), with the state, configuration and certificate that mount.efs made.

Contract: UP-3, ST-2, ST-4, TUN-1, TUN-2, TUN-3, TUN-4, CERT-7, WD-6, section 14, section 15, section 24.
"""
import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from efs_test import mount_helper
from efs_test.files import read
from efs_test.mount_helper import ACCESS_POINTS, HelperBench, MOUNTPOINT, STATE
from efs_test.processes import listening_ports, processes
from efs_test.waiting import wait_for

mount_helper.enter()

# What efs-proxy 3.2.0 refuses to start without; all else has defaults.
REQUIRED = [("global", "fips"), ("global", "pid"), ("efs", "connect"), ("efs", "accept")]


def is_pid_running(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False


class Downgrade(HelperBench):
    def old_watchdog_sees(self, name):
        """Its state file reader and its liveness check (WD-6). Returns the state."""
        self.assertTrue(name.startswith("fs-"))
        state = json.loads(read(f"{STATE}/{name}"))
        self.assertIsInstance(state["pid"], int)
        self.assertIsInstance(state["mount_time"], float)
        self.assertEqual(state["mountpoint"], MOUNTPOINT)
        # Its key of a mount: safe path + "." + port; of a state file: what follows the first dot.
        port = int(name.rsplit(".", 1)[1])
        self.assertEqual(name.partition(".")[2],
                         state["mountpoint"].strip("/").replace("/", ".") + f".{port}")
        self.assertTrue(all(isinstance(word, str) for word in state["cmd"]))
        command = read(f"/proc/{state['pid']}/cmdline")
        self.assertTrue("efs-proxy" in command or "stunnel" in command)
        self.assertTrue(is_pid_running(state["pid"]))
        if "mountStateDir" in state:
            self.assertEqual(int(read(f"{STATE}/{state['mountStateDir']}/stunnel.pid")), state["pid"])
        return state

    def old_proxy_reads(self, path):
        """Its configuration, as its own parser sees it: global lines, then [efs]."""
        text = read(path)
        self.assertFalse(text.endswith("\n"))
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string("[global]\n" + text)
        for section, key in REQUIRED:
            self.assertTrue(parser.get(section, key))
        self.assertRegex(parser.get("efs", "accept"), r"^127\.0\.0\.1:\d+$")
        return parser

    def serves(self, port):
        """A NULL call (RFC 5531) is answered by the NFS server behind the tunnel."""
        call = bytes.fromhex("80000028" "00000007" "00000000" "00000002" "000186a3" "00000004" +
                             "00" * 20)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(call)
            return client.recv(4096)[4:8] == b"\0\0\0\7"

    def stop_tunnel(self, pid):
        """As it stops one: SIGTERM to the group (TUN-2)."""
        self.assertEqual(os.getpgid(pid), pid)
        os.killpg(pid, signal.SIGTERM)
        wait_for("its end", lambda: not processes("efs-proxy"))

    def restart_from(self, state):
        """As it restarts one: the stored argv, a new session, no streams, no descriptor of ours."""
        tunnel = subprocess.Popen(state["cmd"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, preexec_fn=os.setsid, close_fds=True,
                                  env={"PATH": "/usr/bin:/bin"})
        self.addCleanup(lambda: (tunnel.kill(), tunnel.wait()))
        return tunnel

    def test_its_watchdog_restarts_renews_and_cleans_up(self):
        for options in ("tls", "tls,iam,accesspoint=" + ACCESS_POINTS[0], ""):
            with self.subTest(options=options):
                name = self.mounted(options)
                state = self.old_watchdog_sees(name)
                port = int(name.rsplit(".", 1)[1])
                self.old_proxy_reads(f"{STATE}/stunnel-config.{name}")
                self.stop_tunnel(state["pid"])
                self.assertNotIn(port, listening_ports())

                tunnel = self.restart_from(state)
                wait_for("the port", lambda: port in listening_ports())
                self.assertTrue(self.serves(port))
                self.assertEqual("--tls" in state["cmd"], "certificate" in state)
                if "certificate" in state:
                    self.assertEqual(int(read(f"{STATE}/{state['mountStateDir']}/stunnel.pid")),
                                     tunnel.pid)
                    self.renew(state, tunnel.pid)
                    self.assertTrue(self.serves(port))
                if "iam" in options:
                    self.assertRegex(state["awsCredentialsMethod"], "^metadata:")
                    self.assertEqual(state["accessPoint"], ACCESS_POINTS[0])
                os.killpg(tunnel.pid, signal.SIGTERM)
                self.assertEqual(tunnel.wait(10), 0)
                # Its clean-up: `files`, the state, `mountStateDir` - and nothing is left.
                for path in state["files"]:
                    os.unlink(path)
                os.unlink(f"{STATE}/{name}")
                if "mountStateDir" in state:
                    shutil.rmtree(f"{STATE}/{state['mountStateDir']}")
                self.assertEqual([left for left in self.state_files() if "counters" not in left], [])

    def renew(self, state, pid):
        """CERT-7: a new certificate in its place, then SIGHUP to the group."""
        self.assertRegex(state["certificateCreationTime"], r"^\d{12}Z$")
        self.assertTrue(os.access(state["privateKey"], os.R_OK))
        self.assertIn("fsId", state)
        self.assertTrue(re.fullmatch(r"[a-z0-9-]+", state["region"]))
        self.assertLessEqual(len(state["commonName"]), 64)
        certificate = state["certificate"]
        before = read(certificate)
        with open(certificate, "w", encoding="ascii") as out:  # it writes in place
            out.write(before)
        log = f"/var/log/amazon/efs/{os.path.basename(certificate.rsplit('+', 1)[0])}.efs-proxy.log"
        told = read(log).count("read again")
        os.killpg(pid, signal.SIGHUP)
        wait_for("the reload", lambda: read(log).count("read again") > told)


if __name__ == "__main__":
    unittest.main()
