"""An HTTP server on loopback that misbehaves, in one way, for the requests that a test names.

Everything else is answered well, so that a client gets as far as the request in question.
"""
import os
import socket
import ssl
import subprocess
import tempfile
import threading

STATUSES = (401, 403, 404, 429, 500, 503)
# What is wrong with the connection, then with the answer.
FAULTS = ("refused", "blackholed", "untrusted", "not-tls", "silent", "trickle", "cut", "no-http",
          *(f"status {status}" for status in STATUSES), "redirect", "truncated", "wrong-type", "html",
          "empty", "not-utf8", "deep", "endless", "endless-head")
# The ones that a client can only wait out.
WAITED = ("blackholed", "silent", "trickle")


def reply(body, status=200, headers=""):
    data = body if isinstance(body, bytes) else body.encode()
    return (f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n{headers}Connection: close\r\n\r\n"
            .encode() + data)


def read_request(connection):
    """(method, path, head, body); None when the peer is gone or no HTTP client."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    length = 0
    for line in text.split("\r\n")[1:]:
        if line.lower().startswith("content-length:"):
            length = int(line.split(":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    words = text.split(" ")
    return (words[0], words[1], text, body.decode("latin-1")) if len(words) > 2 else None


class Listener:
    """Accepts connections and gives each to a function, in a thread of its own."""

    def __init__(self, serve, context=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.serve, self.context = serve, context
        self.accepted = 0
        self.stopped = threading.Event()
        self.acceptor = threading.Thread(target=self.run, daemon=True)
        self.acceptor.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            connection.settimeout(60)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.serve(connection)
        except (OSError, ValueError):
            pass  # the client left, as it should
        finally:
            connection.close()

    def close(self):
        self.stopped.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()  # nobody is served any more
        self.socket.close()


class HeldPort:
    """A port that refuses: bound, so that no other server gets it, but nobody listens."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


def untrusted_context(directory=[]):  # pylint: disable=dangerous-default-value
    """A certificate for 127.0.0.1 that no authority of the system signed; made once."""
    if not directory:
        directory.append(tempfile.TemporaryDirectory())
        name = directory[0].name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", f"{name}/key", "-out", f"{name}/cert", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory[0].name, "cert"),
                            os.path.join(directory[0].name, "key"))
    return context


class Server:
    """`healthy(method, path, body)` gives the good answer; `applies` says for which requests the
    fault takes its place. `trap` is where redirects lead: nobody may ever go there."""

    def __init__(self, fault, healthy, applies, trap, blackhole):
        self.fault, self.healthy, self.applies = fault, healthy, applies
        self.trap = trap
        self.listener = (HeldPort() if fault == "refused" else
                         Listener(self.serve, untrusted_context() if fault == "untrusted" else None))
        scheme = "https" if fault in ("untrusted", "not-tls") else "http"
        host = f"127.0.0.1:{self.listener.port}"
        if fault == "blackholed":
            host = blackhole
        self.url = f"{scheme}://{host}"

    def close(self):
        self.listener.close()

    def serve(self, connection):
        if self.fault == "not-tls":
            connection.recv(1)
            connection.sendall(reply("", 400))
            return
        request = read_request(connection)
        if request is None:
            return
        method, path, _, body = request
        if self.fault and self.applies(method, path):
            self.misbehave(connection)
        else:
            connection.sendall(self.healthy(method, path, body))

    def misbehave(self, connection):
        fault = self.fault
        if fault.startswith("status "):
            connection.sendall(reply("hush", int(fault.split()[1])))
        elif fault == "redirect":
            connection.sendall(reply("", 302, f"Location: {self.trap}/stolen\r\n"))
        elif fault == "silent":
            self.listener.stopped.wait(60)
        elif fault == "trickle":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n{")
            while not self.listener.stopped.wait(0.2):
                connection.sendall(b" ")
        elif fault == "endless":
            connection.sendall(b"HTTP/1.1 200 X\r\n\r\n{")
            while not self.listener.stopped.is_set():
                connection.sendall(b" " * 65536)
        elif fault == "endless-head":
            connection.sendall(b"HTTP/1.1 200 X\r\n")
            while not self.listener.stopped.is_set():
                connection.sendall(b"X-Hush: " + b"h" * 8000 + b"\r\n")
        elif fault != "cut":
            connection.sendall({
                "no-http": b"nonsense without any head, hush\r\n\r\n",
                "truncated": b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n{\"hush",
                "wrong-type": reply('{"AccessKeyId": 7, "SecretAccessKey": ["hush"], "region": [1], '
                                    '"MountTargets": "hush", "Code": {}}'),
                "html": reply("<html><body>hush</body></html>"),
                "empty": reply(""),
                "not-utf8": reply(b'{"AccessKeyId": "\xff\xfe hush"}'),
                "deep": reply("[" * 5000 + "hush"),
            }[fault])
