"""What the tunnel's integration tests share: certificates made at run time, the tunnel as a child
process with its status pipe, plain TCP servers, and real TLS peers (stunnel, openssl s_server).

Nothing sleeps where an event is known; every wait has a limit; every child is ended by its pid.
"""
import atexit
import hashlib
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

BIN = os.path.join(os.environ.get("EFS_BIN", "build/dev/bin"), "efs-proxy")
# Upper limits only tell a slow machine from a fault: a busy one stretches them.
SCALE = float(os.environ.get("EFS_TIME_SCALE", "1"))
WAIT = 20 * SCALE  # seconds; no wait of a test is longer
NAME = "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com"

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


def run(*argv, **kwargs):
    return subprocess.run(argv, check=True, capture_output=True, timeout=WAIT, **kwargs)


class Certificates:
    """One authority, a server and a client certificate, and the wrong ones; made once per run."""

    _instance = None

    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="efs-certs-")
        atexit.register(shutil.rmtree, self.dir, True)
        self.ca, self.ca_key = self._authority("ca", "/O=Test/CN=Test Root")
        self.other_ca, self.other_key = self._authority("other", "/O=Test/CN=Stranger Root")
        self.server = self.issue("server", "/CN=server", f"DNS:{NAME}")
        self.client = self.issue("client", "/CN=client-one")
        self.expired = self.issue("expired", "/CN=expired", f"DNS:{NAME}", expired=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _authority(self, name, subject):
        key, cert = self.path(name + ".key"), self.path(name + ".pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", key, "-out", cert, "-subj", subject, "-days", "2")
        return cert, key

    def issue(self, name, subject, san=None, expired=False, stranger=False):
        """Returns (certificate, key, both in one file)."""
        key, csr, cert = (self.path(name + suffix) for suffix in (".key", ".csr", ".pem"))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", csr, "-subj", subject)
        ca, ca_key = (self.other_ca, self.other_key) if stranger else (self.ca, self.ca_key)
        config = self.path(name + ".cnf")
        with open(config, "w") as out:
            out.write("[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=%s\ndatabase=%s\nserial=%s\n"
                      "default_md=sha256\npolicy=p\n[p]\nO=optional\nCN=optional\n[x]\n"
                      "basicConstraints=CA:FALSE\n%s\n"
                      % (self.dir, self.path(name + ".db"), self.path(name + ".serial"),
                         "subjectAltName=" + san if san else ""))
        open(self.path(name + ".db"), "w").close()
        with open(self.path(name + ".serial"), "w") as out:
            out.write(hashlib.sha1(name.encode()).hexdigest()[:14] + "\n")
        when = (["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"] if expired
                else ["-days", "2"])
        run("openssl", "ca", "-batch", "-config", config, "-cert", ca, "-keyfile", ca_key,
            "-in", csr, "-out", cert, "-extensions", "x", "-notext", *when)
        both = self.path(name + ".both")
        with open(both, "w") as out:
            for part in (cert, key):
                with open(part) as source:
                    out.write(source.read())
        return cert, key, both


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, limit=WAIT):
    """For conditions that have no event, such as a line in another process's log."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {limit} s: {what}")


class Tunnel:
    """A running efs-proxy."""

    def __init__(self, target, tls=None, host="127.0.0.1", check=NAME, verify=2, ca=None,
                 client=None, debug=True, port=None, extra=(), argv0=None, listener=None,
                 listen_pid=None, fips="no", start=True, config_name=None, service=""):
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
        self.argv = ([argv0 or BIN, self.config] + (["--tls"] if tls else []) +
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

    def next_status(self, limit=WAIT):
        """The next line of the status pipe as a list of fields; None at its end."""
        end = time.monotonic() + limit
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

    def wait_stage(self, stage, limit=WAIT):
        while True:
            status = self.next_status(limit)
            if status is None:
                raise AssertionError(f"tunnel ended before '{stage}'; log:\n" + self.log() +
                                     self.process.stderr.read().decode())
            if status[0] == stage:
                return status

    def log(self):
        try:
            with open(self.log_path) as source:
                return source.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, fragment, limit=WAIT):
        try:
            wait_for(lambda: fragment in self.log(), f"'{fragment}' in the log", limit)
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
        """Built with a sanitizer, whose own memory hides the tunnel's."""
        with open(f"/proc/{self.pid}/maps") as maps:
            text = maps.read()
        return "libasan" in text or "libtsan" in text

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


class Server:
    """A TCP server; `serve(connection)` runs in a thread per connection."""

    def __init__(self, serve, port=0, host="127.0.0.1"):
        self.serve = serve
        self.socket = socket.create_server((host, port), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.accepted, self.errors, self.open = 0, [], set()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                self.open.add(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            connection.settimeout(WAIT)
            self.serve(connection)
        except OSError as error:
            self.errors.append(error)
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # shutdown() wakes the thread that waits in accept().
        for end in (lambda: self.socket.shutdown(socket.SHUT_RDWR), self.socket.close):
            try:
                end()
            except OSError:
                pass
        with self.lock:
            for connection in list(self.open):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def reset_on_close(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def secured(serve, version):
    """`serve` for a Server that speaks TLS of this version and demands our client certificate. An
    end without close_notify is an error there, and what `serve` sends after the client's
    close_notify is sent."""
    certs = Certificates.get()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*certs.server[:2])
    context.load_verify_locations(certs.ca)
    context.verify_mode = ssl.CERT_REQUIRED

    def serve_secured(connection):
        with context.wrap_socket(connection, server_side=True,
                                 suppress_ragged_eofs=False) as inside:
            serve(inside)
            inside.unwrap()  # close_notify of ours, behind all that was sent

    return serve_secured


def pattern(size, seed=1):
    """Deterministic bytes without a period that buffers could hide."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def receive(connection, size):
    parts, left = [], size
    while left:
        data = connection.recv(min(left, 1 << 20))
        if not data:
            break
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def receive_all(connection):
    parts = []
    while data := connection.recv(1 << 20):
        parts.append(data)
    return b"".join(parts)


class Child:
    """A peer program, ended by its pid."""

    LIMIT = 110  # seconds, whatever happens to us

    def __init__(self, argv, port, **kwargs):
        self.port = port
        self.process = subprocess.Popen(["timeout", str(self.LIMIT)] + argv, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **kwargs)
        self.output = b""
        threading.Thread(target=self._collect, daemon=True).start()
        try:
            wait_for(self._listens, f"{argv[0]} on port {port}")
        except AssertionError:
            self.close()
            raise

    def _collect(self):
        for line in self.process.stdout:
            self.output += line

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(self.output.decode())
        # Looked up, not connected to: s_server would count the probe as its client.
        rows = []
        for name in ("tcp", "tcp6"):  # nfs-ganesha listens on a mapped IPv4 address
            with open("/proc/net/" + name) as table:
                rows += [line.split() for line in table][1:]
        # Columns of proc(5): slot, local address, remote address, state (0A is listening).
        return any(row[1].endswith(f":{self.port:04X}") and row[3] == "0A" for row in rows)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except OSError:
                pass


def stunnel(backend, server=None, options=""):
    """stunnel as a TLS server in front of `backend`, which demands our client certificate."""
    certs, port = Certificates.get(), free_port()
    cert, key = (server or certs.server)[:2]
    path = certs.path(f"stunnel.{port}")
    with open(path, "w") as out:
        out.write(f"foreground = yes\npid =\ndebug = notice\n[tls]\naccept = 127.0.0.1:{port}\n"
                  f"connect = 127.0.0.1:{backend}\ncert = {cert}\nkey = {key}\n"
                  f"CAfile = {certs.ca}\nrequireCert = yes\nverifyChain = yes\n{options}\n")
    return Child(["stunnel", path], port)


def s_server(*options, server=None, client_ca=None):
    """openssl s_server that answers each line reversed, one client after the other."""
    certs, port = Certificates.get(), free_port()
    cert, key = (server or certs.server)[:2]
    return Child(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key,
                  "-CAfile", client_ca or certs.ca, "-Verify", "3", "-verify_return_error", "-rev",
                  *options], port)


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
