"""Plain TCP servers in threads of the test, and the bytes that go through them."""
import hashlib
import socket
import struct
import threading

from efs_test.waiting import WAIT


class Server:
    """A TCP server; `serve(connection)` runs in a thread per connection."""

    def __init__(self, serve, port=0, host="127.0.0.1"):
        self.serve = serve
        self.socket = socket.create_server((host, port), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.accepted, self.errors, self.open = 0, [], set()
        self.lock = threading.Lock()
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

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
        # The port is free when nobody waits in accept() any more.
        self.acceptor.join()
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
