"""A tiny NFSv4.1 client: one call after the other, each record whole or in fragments, over any socket."""
import random
import ssl
import struct


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


def create_session(sock, server, slots=4):
    channel = struct.pack(">IIIIIII", 0, 65536, 65536, 4096, 16, slots, 0)
    args = (struct.pack(">IQII", 43, server.client_id, server.sequence, 0) + channel + channel +
            struct.pack(">III", 0x40000000, 1, 0))
    reply = compound(sock, args)
    assert reply.status == 0, reply.status
    return reply.results[8:24]


def sequence_op(session, number, slot=0):
    return struct.pack(">I", 53) + session + struct.pack(">IIII", number, slot, slot, 0)


PUTROOTFH = struct.pack(">I", 24)
GETFH = struct.pack(">I", 10)
