"""A mount target with partitions, as a thread server: the private bind call, tables of sessions per
partition, a limit of bytes a second per connection, and a count of what arrived where.

NFS here is a compound's beginning (SEQUENCE with a session id, then any bytes): enough to be routed by,
and to be refused with NFS4ERR_BADSESSION on a connection that is bound to another partition.
"""
import struct
import threading

from efs_test.servers import Server, receive
from efs_test.waiting import pause

PROGRAM, NFS = 400123, 100003
RETRY, RETRY_LATER, PREFERRED, READY, ERROR, UNKNOWN = 0, 1, 2, 3, 4, 9
CREATE_SESSION, SEQUENCE, BADSESSION = 43, 53, 10052
NO_AUTH = struct.pack("!IIII", 0, 0, 0, 0)


def record(message):
    return struct.pack("!I", 0x80000000 | len(message)) + message


def receive_record(connection):
    head = receive(connection, 4)
    if len(head) < 4:
        return None
    size = struct.unpack("!I", head)[0] & 0x7FFFFFFF
    message = receive(connection, size)
    return message if len(message) == size else None


def call(xid, program, version, procedure, body):
    return record(struct.pack("!IIIIII", xid, 0, 2, program, version, procedure) + NO_AUTH + body)


def reply(xid, body=b"", status=0):
    return record(struct.pack("!III", xid, 1, 0) + bytes(8) + struct.pack("!I", status) + body)


def compound(xid, operation, body=b"", minor=1):
    return call(xid, NFS, 4, 1, struct.pack("!IIII", 0, minor, 1, operation) + body)


def sequence(xid, session, reply_size, body=b"", minor=1):
    return compound(xid, SEQUENCE, session + struct.pack("!I", reply_size) + body, minor)


class Seen:
    """One connection."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.partition, self.identifier, self.incarnation = None, None, None
        self.bound_first = True
        self.calls, self.first_only, self.bytes = [], [], 0


class MountTarget(Server):
    """`binding(seen)` answers the bind call of a connection: a pair of a kind and a partition (64
    bytes) or text; None: the program is not served; "close", "garbage", "silent"."""

    def __init__(self, binding, terms=(5, 1 << 20, 1, 1), limit=None, hold=None, **more):
        self.binding, self.terms, self.limit = binding, terms, limit
        self.hold = hold or (lambda seen, xid: False)
        self.seen, self.sessions, self.guard = [], {}, threading.Lock()
        super().__init__(self.serve_connection, **more)

    def serve_connection(self, connection):
        with self.guard:
            seen = Seen(connection, len(self.seen))
            self.seen.append(seen)
        while message := receive_record(connection):
            xid, direction, _, program, _, procedure = struct.unpack("!IIIIII", message[:24])
            if direction == 1:
                seen.first_only.append(xid)
            elif program == PROGRAM:
                if not self.bind(seen, xid, message[40:]):
                    return
            else:
                self.answer(seen, xid, procedure, message[40:])

    def bind(self, seen, xid, body):
        seen.bound_first = not seen.calls
        size, identifier, size2, seen.incarnation = struct.unpack("!I16sIQ", body)
        assert (size, size2) == (16, 8), body
        seen.identifier = identifier
        answer = self.binding(seen)
        if answer == "silent":
            return True
        if answer == "close":
            return False
        if answer == "garbage":
            seen.connection.sendall(reply(xid, b"\1\2\3"))
            return True
        if answer is None:
            seen.connection.sendall(reply(xid, status=1))  # PROG_UNAVAIL
            return True
        kind, what = answer
        body = struct.pack("!I", kind)
        if kind in (READY, PREFERRED):
            body += what
            if kind == READY:
                seen.partition = what
        elif kind in (RETRY, RETRY_LATER, ERROR):
            body += struct.pack("!I", len(what)) + what + bytes(-len(what) % 4)
        seen.connection.sendall(reply(xid, body + struct.pack("!IIII", *self.terms)))
        return True

    def answer(self, seen, xid, procedure, body):
        if procedure == 0:
            seen.first_only.append(xid)
            return seen.connection.sendall(reply(xid))
        _, minor, _, operation = struct.unpack("!IIII", body[:16])
        if operation != SEQUENCE or minor == 0:
            seen.first_only.append(xid)
            with self.guard:
                session = struct.pack("!QQ", 1, len(self.sessions) + 1)
                self.sessions[session] = seen.partition
            return seen.connection.sendall(reply(xid, session))
        session, size = body[16:32], struct.unpack("!I", body[32:36])[0]
        seen.calls.append(xid)
        if self.hold(seen, xid):
            return None
        known = self.sessions.get(session) == seen.partition
        payload = struct.pack("!I", 0 if known else BADSESSION) + bytes(size)
        moved = len(body) + len(payload)
        seen.bytes += moved
        if self.limit:
            pause("the limit of one connection", moved / self.limit)
        return seen.connection.sendall(reply(xid, payload))

    def bound(self, partition):
        """Open connections of a partition."""
        with self.lock:
            return [seen for seen in self.seen
                    if seen.partition == partition and seen.connection in self.open]
