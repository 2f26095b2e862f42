"""A file system of one file that answers until it falls silent: as an NFS server that goes.

Nothing is kept by the kernel (all times are 0): each look at the file asks. The protocol: linux/fuse.h.
"""
import contextlib
import ctypes
import os
import select
import struct
import threading

from efs_test.silent_place import LIBC, MNT_DETACH

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 5, 14, 15, 17, 18, 25, 26
ENOENT, ENOSYS = 2, 38
ROOT, FILE = 1, 2
HEADER = struct.Struct("=IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding


class SmallFuse:
    """`content`, or a link to `link`, as `name` in the directory `path`, which is made. end() lets all that wait go."""

    def __init__(self, path, name, content, link=None):
        self.path, self.name, self.content = path, name.encode(), content
        self.link = link.encode() if link else None
        os.makedirs(path, exist_ok=True)
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        words = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if LIBC.mount(b"small", path.encode(), b"fuse", 0, words.encode()) != 0:
            raise OSError(ctypes.get_errno(), f"a FUSE at {path}")
        self.woken, self.wake = os.pipe()
        self.server = threading.Thread(target=self.serve, daemon=True)
        self.server.start()

    def fall_silent(self):
        if self.server.is_alive():
            os.write(self.wake, b"x")
            self.server.join()

    def end(self):
        self.fall_silent()
        for descriptor in (self.device, self.woken, self.wake):
            os.close(descriptor)
        LIBC.umount2(self.path.encode(), MNT_DETACH)

    def serve(self):
        while self.woken not in select.select([self.device, self.woken], [], [])[0]:
            # Whoever asked may have been killed since.
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                request = os.read(self.device, 1 << 17)
                _, opcode, unique, node, *_ = HEADER.unpack_from(request)
                if opcode != FORGET:
                    error, answer = self.answer(opcode, node, request[HEADER.size:])
                    os.write(self.device, struct.pack("=IiQ", 16 + len(answer), -error, unique) + answer)

    def answer(self, opcode, node, body):
        """(errno, what the kernel gets)"""
        if opcode == INIT:
            return 0, struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 0, 0, 4096, 1, *[0] * 10)
        if opcode == LOOKUP and body.rstrip(b"\0") == self.name:
            return 0, struct.pack("=QQQQII", FILE, 0, 0, 0, 0, 0) + self.attributes(FILE)
        if opcode == LOOKUP:
            return ENOENT, b""
        if opcode == GETATTR:
            return 0, struct.pack("=QII", 0, 0, 0) + self.attributes(node)
        if opcode == READLINK:
            return 0, self.link
        if opcode == OPEN:
            return 0, struct.pack("=QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            return 0, self.content[offset:offset + size]
        if opcode == STATFS:
            return 0, struct.pack("=5Q10I", 1, 0, 0, 1, 0, 4096, 255, 4096, *[0] * 7)
        if opcode in (RELEASE, FLUSH):
            return 0, b""
        return ENOSYS, b""

    def attributes(self, node):
        size, mode = (0, 0o40755) if node == ROOT else (len(self.content), 0o100644)
        if node == FILE and self.link:
            size, mode = len(self.link), 0o120777
        return struct.pack("=6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
