"""Starts efs-simulator on 127.0.x.y with free ports and talks to it."""

import json
import os
import random
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile

BIN = os.environ.get("EFS_BIN") or os.path.join(
    os.path.dirname(__file__), "../../../build/dev/bin")
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


def free_port(ip, kinds=(socket.SOCK_STREAM, socket.SOCK_DGRAM)):
    """A port that is free for TCP and UDP on that address."""
    for _ in range(50):
        port = random.randint(20000, 29999)
        try:
            for kind in kinds:
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((ip, port))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")


class Simulator:
    def __init__(self, **changes):
        self.dir = tempfile.mkdtemp(prefix="efs-sim-")
        # Own addresses per test process, so that parallel runs do not meet.
        net = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}"
        self.ip_a, self.ip_b, self.ip_c, self.ip_2 = (f"{net}.{i}" for i in (1, 2, 3, 4))
        self.spare_ip = f"{net}.9"
        self.dns_port = free_port(self.ip_a)
        self.imds_port = free_port(self.ip_a)
        self.nfs_port = free_port("0.0.0.0")
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
        with open(self.config_path, "w") as out:
            json.dump(self.config, out)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [f"{BIN}/efs-simulator", "--config", self.config_path],
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
            [f"{BIN}/efs-simulator", "ctl", f"{self.work}/control.sock", *command.split()],
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


# --- A tiny NFSv4.1 client ------------------------------------------------------------------------

class Closed(Exception):
    """The server ended the connection instead of answering."""


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        try:
            part = sock.recv(count - len(data))
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not part:
            raise Closed("end of file")
        data += part
    return data


def _opaque(data):
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def call(sock, body, fragments=1):
    """Sends one RPC call and returns the reply without its record mark."""
    size = (len(body) + fragments - 1) // fragments
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    try:
        for i, part in enumerate(parts):
            last = 0x80000000 if i + 1 == len(parts) else 0
            sock.sendall(struct.pack(">I", last | len(part)) + part)
    except (ConnectionError, ssl.SSLError) as error:
        raise Closed(str(error)) from error
    reply = b""
    while True:
        mark = struct.unpack(">I", _exactly(sock, 4))[0]
        reply += _exactly(sock, mark & 0x7FFFFFFF)
        if mark & 0x80000000:
            return reply


def rpc(program, version, procedure, body=b"", xid=None):
    xid = random.getrandbits(32) if xid is None else xid
    # AUTH_SYS: stamp, machine, uid 0, gid 0, no other groups.
    credential = struct.pack(">I", 0) + _opaque(b"t") + struct.pack(">III", 0, 0, 0)
    return (struct.pack(">IIIIII", xid, 0, 2, program, version, procedure) +
            struct.pack(">I", 1) + _opaque(credential) + struct.pack(">II", 0, 0) + body)


def null(sock):
    reply = call(sock, rpc(100003, 4, 0))
    return struct.unpack(">I", reply[-4:])[0] == 0


class Compound:
    """The results of a COMPOUND: status and the raw results behind the tag."""

    def __init__(self, reply):
        (self.rpc_status,) = struct.unpack(">I", reply[20:24])
        self.status, tag = struct.unpack(">II", reply[24:32])
        rest = reply[32 + tag + (-tag % 4):]
        self.count = struct.unpack(">I", rest[:4])[0]
        self.results = rest[4:]


def compound(sock, *operations, minor=1, fragments=1):
    body = _opaque(b"tag") + struct.pack(">II", minor, len(operations)) + b"".join(operations)
    return Compound(call(sock, rpc(100003, 4, 1, body), fragments=fragments))


class ServerIdentity:
    def __init__(self, result):
        op, status = struct.unpack(">II", result[:8])
        assert (op, status) == (42, 0), (op, status)
        self.client_id, self.sequence, _flags, protect = struct.unpack(">QIII", result[8:28])
        assert protect == 0
        (self.minor_id, length) = struct.unpack(">QI", result[28:40])
        self.major_id = result[40:40 + length]


def exchange_id(sock, owner=b"test-client"):
    verifier = b"verifier"
    args = (struct.pack(">I", 42) + verifier + _opaque(owner) + struct.pack(">III", 0, 0, 0))
    return ServerIdentity(compound(sock, args).results)


def create_session(sock, server):
    channel = struct.pack(">IIIIIII", 0, 65536, 65536, 4096, 16, 4, 0)
    args = (struct.pack(">IQII", 43, server.client_id, server.sequence, 0) + channel + channel +
            struct.pack(">III", 0x40000000, 1, 0))
    reply = compound(sock, args)
    assert reply.status == 0, reply.status
    return reply.results[8:24]


def sequence_op(session, number):
    return struct.pack(">I", 53) + session + struct.pack(">IIII", number, 0, 0, 0)


PUTROOTFH = struct.pack(">I", 24)
GETFH = struct.pack(">I", 10)
