"""Certificates made at run time, and real TLS peers that know nothing of the product: stunnel, openssl s_server."""
import atexit
import hashlib
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading

from efs_test.processes import free_port, listening_ports
from efs_test.programs import run
from efs_test.waiting import WAIT, wait_for

NAME = "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com"


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
            wait_for(f"{argv[0]} on port {port}", self._listens)
        except AssertionError:
            self.close()
            raise

    def _collect(self):
        for line in self.process.stdout:
            self.output += line

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(self.output.decode())
        # Looked up, not connected to: s_server would count the probe as its client. nfs-ganesha listens on a
        # mapped IPv4 address.
        return self.port in listening_ports(("tcp", "tcp6"))

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


def secured(serve, version, answers_close=True):
    """`serve` for a Server that speaks TLS of this version and demands our client certificate. An
    end without close_notify is an error there, and what `serve` sends after the client's
    close_notify is sent. `answers_close`: with a close_notify of its own at the end."""
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
            if answers_close:
                inside.unwrap()  # behind all that was sent

    return serve_secured


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
