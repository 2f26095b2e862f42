"""What a dynamic linker checks before a program starts: the libraries it names, the versions of their symbols."""
import functools
import re

from efs_test.programs import run

# Library -> the newest version of its symbols that every system has; the oldest that counts: glibc 2.34 and util-linux
# 2.37 (Amazon Linux 2023, RHEL 9; Ubuntu 22.04 has 2.35 and 2.37), OpenSSL 3.0 (RHEL 9.0, Ubuntu 22.04).
NEWEST = {
    "libc.so.6": ("GLIBC", (2, 34)),
    "libssl.so.3": ("OPENSSL", (3, 0, 0)),
    "libcrypto.so.3": ("OPENSSL", (3, 0, 0)),
    "libmount.so.1": ("MOUNT", (2, 37)),
    "ld-linux-x86-64.so.2": ("GLIBC", (2, 34)),
    "ld-linux-aarch64.so.1": ("GLIBC", (2, 34)),
}


@functools.lru_cache(maxsize=None)
def _readelf(option, program):
    return run("readelf", "-W", option, program).stdout


def needed(program):
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", _readelf("-d", program)))


def versions(program):
    """(library, version) of every symbol version that the program asks for."""
    found = set()
    library = None
    for line in _readelf("-V", program).splitlines():
        if match := re.search(r" File: (\S+)", line):
            library = match.group(1)
        elif match := re.search(r" Name: (\S+)  Flags", line):
            found.add((library, match.group(1)))
    assert any(library == "libc.so.6" for library, _ in found), f"{program}: readelf was not understood"
    return found


def too_new(program):
    """What it asks for and the oldest system lacks."""
    lacking = []
    for library, version in sorted(versions(program)):
        base, limit = NEWEST.get(library, (None, ()))
        word, _, number = version.partition("_")
        if word != base or tuple(map(int, number.split("."))) > limit:
            lacking.append(f"{version} of {library}")
    return lacking
