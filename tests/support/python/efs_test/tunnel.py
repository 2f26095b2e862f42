"""efs-proxy as a child process, with its status pipe, its log and its page of counters.

Nothing sleeps where an event is known; every wait has a limit; every child is ended by its pid.
"""
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from efs_test.files import read
from efs_test.processes import free_port, sanitized
from efs_test.programs import program
from efs_test.tls_peers import NAME, Certificates
from efs_test.waiting import PATIENCE, SCALE, WAIT, wait_for

PROGRAM = program("efs-proxy")

# The text of contract section 15 as efs-utils 3.2.0 writes it: order, all its keys, no last newline.
CONFIG = """fips = {fips}
foreground = yes
socket = l:SO_REUSEADDR=yes
socket = a:SO_BINDTODEVICE=lo
{debug}output = {log}
pid = {dir}/tunnel.pid
[efs]
client = yes
accept = 127.0.0.1:{port}
connect = {host}:{target}
sslVersion = TLSv1.2
renegotiation = no
TIMEOUTbusy = 20
TIMEOUTclose = 0
TIMEOUTidle = 70
delay = yes
{tls}retry_nfs_mount_command_timeout_sec = 15
proxy_logging_level = INFO
read_bypass_requested = False
fs_id = fs-0123456789abcdef0
region = eu-west-1
efs_utils_version = 3.2.0"""
CONFIG_TLS = """verify = {verify}
CAfile = {ca}
cert = {cert}
key = {key}
{check}"""


class Tunnel:
    """A running efs-proxy."""

    def __init__(self, target, tls=None, host="127.0.0.1", check=NAME, verify=2, ca=None,
                 client=None, debug=True, port=None, extra=(), argv0=None, listener=None,
                 listen_pid=None, fips="no", start=True, config_name=None, service="",
                 confine=False):
        certs = Certificates.get()
        self.dir = tempfile.mkdtemp(prefix="efs-tunnel-")
        self.port = port or free_port()
        self.log_path = os.path.join(self.dir, "tunnel.efs-proxy.log")
        self.cert, self.key = os.path.join(self.dir, "cert.pem"), os.path.join(self.dir, "key.pem")
        self.install(*(client or certs.client)[:2])
        text = ""
        if tls:
            text = CONFIG_TLS.format(verify=verify, ca=ca or certs.ca, cert=self.cert, key=self.key,
                                     check=f"checkHost = {check}\n" if check else "") + service
        self.config = os.path.join(
            self.dir, config_name or f"stunnel-config.fs-0123456789abcdef0.mnt.{self.port}")
        with open(self.config, "w") as out:
            out.write(CONFIG.format(fips=fips, debug="debug = debug\n" if debug else "",
                                    log=self.log_path, dir=self.dir, port=self.port, host=host,
                                    target=target, tls=text))
            # All tests of the tunnel hold for a confined one too (tests/README.md).
            if confine or os.environ.get("EFS_CONFINE"):
                out.write("\nconfine = on\n")
        self.argv = ([argv0 or PROGRAM, self.config] + (["--tls"] if tls else []) +
                     ["--no-direct-s3-read"] + list(extra))
        self.listener, self.listen_pid = listener, listen_pid
        self.process, self.pending, self.status_fd = None, b"", None
        if start:
            self.start()

    def install(self, cert, key):
        for source, copy in ((cert, self.cert), (key, self.key)):
            shutil.copy(source, copy + ".new")
            os.rename(copy + ".new", copy)

    def start(self, wait=True):
        self.status_fd, write_end = os.pipe()
        environment = dict(os.environ, EFS_STATUS_FD=str(write_end))
        keep = [write_end]
        argv = self.argv
        if self.listener is not None:
            # The shell keeps its pid over exec, so it can set LISTEN_PID (sd_listen_fds(3)).
            pid = self.listen_pid or "$$"
            script = f'exec 3<&{self.listener.fileno()}; LISTEN_PID={pid} LISTEN_FDS=1 exec "$@"'
            argv = ["/bin/bash", "-c", script, "bash"] + argv
            keep.append(self.listener.fileno())
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, pass_fds=keep, env=environment,
                                        start_new_session=True)
        os.close(write_end)
        if wait:
            self.wait_stage("listening")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def next_status(self, limit=PATIENCE):
        """The next line of the status pipe as a list of fields; None at its end."""
        end = time.monotonic() + limit * SCALE
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.status_fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError("no status line in time; log:\n" + self.log())
            more = os.read(self.status_fd, 4096)
            if not more:
                return None
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode().split("\t")

    def wait_stage(self, stage, limit=PATIENCE):
        while True:
            status = self.next_status(limit)
            if status is None:
                raise AssertionError(f"tunnel ended before '{stage}'; log:\n" + self.log() +
                                     self.process.stderr.read().decode())
            if status[0] == stage:
                return status

    def log(self):
        return read(self.log_path)

    def wait_log(self, fragment, limit=PATIENCE):
        try:
            wait_for(f"'{fragment}' in the log", lambda: fragment in self.log(), limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is:\n{self.log()}") from None

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    @property
    def counters_path(self):
        name = os.path.basename(self.config).removeprefix("stunnel-config.")
        return os.path.join(self.dir, "tunnel-counters." + name)

    def counters(self):
        """The page of counters, as tunnel_counters.h lays it out."""
        return Counters(self.counters_path)

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_kib(self, key="VmRSS"):
        with open(f"/proc/{self.pid}/status") as source:
            for line in source:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        return 0

    def sanitized(self):
        return sanitized(self.pid)

    def stop(self, signo=signal.SIGTERM):
        if self.process and self.process.returncode is None:
            self.process.send_signal(signo)
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(WAIT)
                raise
        if self.process:
            self.process.stderr.close()
        if self.status_fd is not None:
            os.close(self.status_fd)
            self.status_fd = None
        shutil.rmtree(self.dir, True)
        return self.process.returncode if self.process else None


class Counters:
    """A copy of a tunnel's page of counters."""

    NUMBERS = ("upstream_state connections_open connections_total strangers_refused bytes_up "
               "bytes_down calls replies backchannel_calls outstanding last_client_byte "
               "last_upstream_byte oldest_call silent_since unreachable_since attempts_failed "
               "reconnects unmeasured remembers clients pending absent waiting_since questions "
               "question_bytes unread").split()
    FACTS = ("pid started connect_ms handshake_ms first_byte_ms certificate_end error_time "
             "upstream tls error").split()

    def __init__(self, path):
        with open(path, "rb") as page:
            data = page.read()
        assert len(data) == 4096 and data[:8] == b"EFSCOUNT", data[:16]
        self.version, = struct.unpack_from("=Q", data, 8)
        for name, value in zip(self.NUMBERS, struct.unpack_from("=26Q", data, 64)):
            setattr(self, name, value)
        for name, value in zip(self.FACTS, struct.unpack_from("=QQqqqqQ48s96s512s", data, 512)):
            setattr(self, name, value.split(b"\0")[0].decode() if isinstance(value, bytes)
                    else value)

    @staticmethod
    def now():
        return int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)


class TunnelTest(unittest.TestCase):
    def keep(self, thing):
        """Closes it after the test."""
        thing.__enter__()
        self.addCleanup(thing.__exit__, None, None, None)
        return thing

    def assertReset(self, client):
        """The client sees a reset, not an orderly end (TUN-9)."""
        client.settimeout(WAIT)
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            while client.recv(65536):
                pass
            raise AssertionError("orderly end instead of a reset")
