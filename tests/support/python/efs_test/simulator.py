"""Starts efs-simulator on 127.0.x.y with free ports and talks to it."""

import json
import random
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from efs_test.processes import free_port
from efs_test.programs import program

BOTH = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
FS = "fs-0123456789abcdef0"
FS2 = "fs-12345678"
AP = "fsap-0123456789abcdef0"
AP2 = "fsap-0fedcba9876543210"
ROLE = {"access_key_id": "ASIAEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
        "session_token": "tok/en+with=chars and blank",
        "arn": "arn:aws:sts::123456789012:assumed-role/efs-client/i-0", "role": "efs-client"}
USER = {"access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "session_token": None, "arn": "arn:aws:iam::123456789012:user/alice", "role": None}


class Simulator:
    def __init__(self, **changes):
        self.dir = tempfile.mkdtemp(prefix="efs-sim-")
        # Own addresses per test process, so that parallel runs do not meet.
        net = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}"
        self.ip_a, self.ip_b, self.ip_c, self.ip_2 = (f"{net}.{i}" for i in (1, 2, 3, 4))
        self.spare_ip = f"{net}.9"
        self.dns_port = free_port(self.ip_a, BOTH)
        self.imds_port = free_port(self.ip_a, BOTH)
        self.nfs_port = free_port("0.0.0.0", BOTH)
        self.config = {
            "work_dir": f"{self.dir}/work", "region": "us-east-1",
            "dns_name_suffix": "amazonaws.com",
            "dns": {"listen": f"{self.ip_a}:{self.dns_port}"},
            "imds": {"listen": f"{self.ip_a}:{self.imds_port}",
                     "instance_id": "i-0123456789abcdef0", "az": "us-east-1a",
                     "az_id": "use1-az1", "role": "efs-client"},
            "identities": [ROLE, USER], "nfs_port": self.nfs_port, "max_skew_sec": 300,
            "file_systems": [
                {"id": FS, "data": f"{self.dir}/data/fs1",
                 "mount_targets": [
                     {"az": "us-east-1a", "az_id": "use1-az1", "ip": self.ip_a},
                     {"az": "us-east-1b", "az_id": "use1-az2", "ip": self.ip_b}],
                 "policy": {"require_tls": False, "require_iam": False, "deny_arns": []},
                 "access_points": [
                     {"id": AP, "path": "/web-content", "uid": 1000, "gid": 1001,
                      "owner_uid": 1000, "owner_gid": 1001, "mode": "0750"}]},
                {"id": FS2, "data": f"{self.dir}/data/fs2",
                 "mount_targets": [
                     {"az": "us-east-1a", "az_id": "use1-az1", "ip": self.ip_2}],
                 "access_points": [{"id": AP2, "path": "/"}]}],
            "trunking": False}
        self.config.update(changes)
        self.config_path = f"{self.dir}/config.json"
        self.save()
        self.process = None

    def save(self):
        """Writes the configuration anew, after a change of `config` and before start()."""
        with open(self.config_path, "w", encoding="utf-8") as out:
            json.dump(self.config, out)

    def start(self):
        self.process = subprocess.Popen(
            [program("efs-simulator"), "--config", self.config_path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not select.select([self.process.stdout], [], [], 60)[0]:
            self.process.kill()
            raise RuntimeError("efs-simulator is not ready after 60 s")
        line = self.process.stdout.readline().strip()
        if line != "ready":
            error = self.process.stderr.read()
            self.process.wait(10)
            raise RuntimeError(f"efs-simulator said {line!r}: {error}")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        if self.process:
            self.process.stdout.close()
            self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def work(self):
        return self.config["work_dir"]

    def ctl(self, command):
        """The reply without "ok "; an "error" reply raises."""
        done = subprocess.run(
            [program("efs-simulator"), "ctl", f"{self.work}/control.sock", *command.split()],
            capture_output=True, text=True, timeout=60)
        reply = done.stdout.strip()
        if done.returncode != 0:
            raise RuntimeError(reply or done.stderr)
        return reply[3:]

    def last_refusal(self):
        reply = self.ctl("last-refusal")
        return None if reply == "none" else json.loads(reply)

    def target_stats(self, fs=FS, az="us-east-1a"):
        for entry in json.loads(self.ctl("stats"))["targets"]:
            if (entry["fs"], entry["az"]) == (fs, az):
                return entry
        raise KeyError((fs, az))

    def connect_plain(self, ip=None, timeout=15):
        return socket.create_connection((ip or self.ip_a, self.nfs_port), timeout=timeout)

    def connect_tls(self, cert, key, ip=None, name=f"{FS}.efs.us-east-1.amazonaws.com",
                    timeout=15, version=None):
        context = ssl.create_default_context(cafile=f"{self.work}/ca.pem")
        context.load_cert_chain(cert, key)
        if version:
            context.minimum_version = context.maximum_version = version
        raw = self.connect_plain(ip, timeout)
        try:
            return context.wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise
