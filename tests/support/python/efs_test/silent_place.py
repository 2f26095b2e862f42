"""A file system that never answers: FUSE whose daemon does not even say hello.

Every look at a path in it waits in the kernel, killably and for ever, as at an NFS server that has gone.
"""
import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2


class SilentPlace:
    """Mounted over `path`, which is made if need be; end() lets all that wait there go."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)
        self.daemon = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        words = f"fd={self.daemon},rootmode=40000,user_id=0,group_id=0"
        if LIBC.mount(b"silent", path.encode(), b"fuse", 0, words.encode()) != 0:
            raise OSError(ctypes.get_errno(), f"a FUSE at {path}")

    def end(self):
        os.close(self.daemon)
        LIBC.umount2(self.path.encode(), MNT_DETACH)


def available():
    return os.access("/dev/fuse", os.R_OK | os.W_OK)
