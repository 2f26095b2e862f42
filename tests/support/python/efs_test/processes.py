"""Processes and ports of this machine, or of the test's own namespaces."""
import ctypes
import os
import random
import signal
import socket

from efs_test.waiting import wait_for

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Processes whose parent ended become our children, so that none is left and none stays a zombie."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat(pid):
    """(comm, state, the fields behind it) of proc(5); None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    comm, rest = text[text.index("(") + 1:].rsplit(")", 1)
    state, *fields = rest.split()
    return comm, state, fields


def alive(pid):
    found = stat(pid)
    return found is not None and found[1] not in "ZX"


def _all():
    found = {int(pid): stat(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    return {pid: is_now for pid, is_now in found.items() if is_now}


def processes(name):
    """Pids of the living programs whose comm is `name`. A question that one of them asks in a child (ask_child.h) bears
    its name for as long as it takes, which a loaded machine makes long: it is no program of its own while its parent lives."""
    named = {pid: fields for pid, (comm, state, fields) in _all().items() if comm == name and state not in "ZX"}
    return sorted(pid for pid, fields in named.items() if int(fields[0]) not in named)


def end_all(name):
    """Kills those of that name and waits for their end, their questions' too: some live on when their parent dies."""
    def none_left():
        living = processes(name)
        for pid in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not living
    wait_for(f"the end of {name}", none_left)


def zombies():
    """Names of the dead that nobody has waited for."""
    return [comm for comm, state, _ in _all().values() if state == "Z"]


def no_children():
    """Reaps one; true when there are no more."""
    try:
        os.waitpid(-1, os.WNOHANG)
        return False
    except ChildProcessError:
        return True


def open_files(pid):
    """What its descriptors are; one that is closed at this moment, or a process that has ended, is left out."""
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
            except FileNotFoundError:
                continue
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def sanitized(pid):
    """Built with a sanitizer, whose own memory and time hide the program's."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        text = maps.read()
    return "libasan" in text or "libtsan" in text


def needs_sanitizer(path, *names):
    """The same of a program that does not run yet; with names, of one of these sanitizers."""
    with open(path, "rb") as file:
        text = file.read()
    return any(b"lib%s.so" % name.encode() in text for name in names or ("asan", "tsan"))


def cpu_seconds(pid):
    fields = stat(pid)[2]  # from ppid on: utime and stime are fields 14 and 15 of proc(5)
    return (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")


def listening_ports(tables=("tcp",)):
    """Of proc(5)'s tables: slot, local address, remote address, state (0A is listening)."""
    ports = []
    for table in tables:
        with open(f"/proc/net/{table}", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        ports += [int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == "0A"]
    return sorted(ports)


# Above those that mount.efs takes by itself (20049 to 21049), below those that the kernel hands out.
PORTS = range(22000, 30000)
BLOCK = 50
_claims, _ports = [], []


def _claim_block():
    """Ports that no other process of these tests is given while this one lives: who has the name, in the same network
    namespace as the ports, has the block."""
    blocks = list(range(PORTS.start, PORTS.stop, BLOCK))
    random.shuffle(blocks)
    for first in blocks:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0efs-test-ports-{first}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        _ports.extend(range(first, first + BLOCK))
        return
    raise RuntimeError("no free port")


def free_port(ip="127.0.0.1", kinds=(socket.SOCK_STREAM,)):
    """A port that is free for these kinds on that address, and stays so until somebody who was told it binds it: neither
    the kernel nor another test gives it to anybody meanwhile. Never the same twice."""
    while True:
        if not _ports:
            _claim_block()
        port = _ports.pop(0)
        try:
            for kind in kinds:
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((ip, port))
            return port
        except OSError:
            continue
