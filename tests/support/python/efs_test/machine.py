"""A machine of its own for mount.efs: network, /etc, /run and /var/log belong to this process alone.

enter() starts the running script anew inside fresh network and mount namespaces; nothing that
happens there is seen outside. DNS is 127.0.0.1:53, the metadata service 169.254.169.254:80.
"""
import os
import sys
import tempfile

from efs_test.programs import SOURCE, run

INSIDE = "EFS_TEST_INSIDE_NAMESPACE"
CONFIG = "/etc/amazon/efs/efs-utils.conf"
LOG = "/var/log/amazon/efs/mount.log"
SILENT = "10.98.76.99"


def enter(*unshare):
    """To be called before anything is done; `unshare` are other options for unshare(1) than --net."""
    if os.environ.get(INSIDE):
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *(unshare or ("--net",)), "--mount", "--propagation", "private", "--",
                          sys.executable, "-B", *sys.argv])


def build():
    """Once per process, after enter()."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", "169.254.169.254/32", "dev", "lo")
    # With loopback alone the helper would wait for the network.
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    run("ip", "addr", "add", "10.98.76.54/24", "dev", "eth0")
    for name in ("eth0", "eth1"):
        run("ip", "link", "set", name, "up")
    # A neighbour that never answers: SYN packets vanish.
    run("ip", "neigh", "add", SILENT, "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent")
    etc = tempfile.mkdtemp(prefix="efs-etc-")
    run("mount", "-t", "tmpfs", "tmpfs", etc)
    run("cp", "-a", "/etc/.", etc)
    run("mount", "--bind", etc, "/etc")
    run("umount", "-l", etc)
    os.rmdir(etc)
    for path in ("/run", "/var/log"):
        run("mount", "-t", "tmpfs", "tmpfs", path)
    if os.path.islink("/etc/resolv.conf"):
        os.unlink("/etc/resolv.conf")
    with open("/etc/resolv.conf", "w", encoding="ascii") as out:
        # A search list that would answer anything, if it were asked (DNS-4).
        out.write("nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5\n")
    os.makedirs("/etc/amazon/efs", exist_ok=True)
    with open("/etc/amazon/efs/efs-utils.crt", "a", encoding="ascii"):
        pass
    os.makedirs("/run/mountpoint")


def write_config(**changes):
    """The shipped configuration with `key=value` set in [mount]; client_source for [client-info].
    cloudwatch=True switches the logs on; retention=None leaves the key out."""
    with open(os.path.join(SOURCE, "config/efs-utils.conf"), encoding="utf-8") as shipped:
        lines = shipped.read().split("\n")
    client = changes.pop("client_source", None)
    cloudwatch = changes.pop("cloudwatch", None)
    retention = changes.pop("retention", "14")
    out = []
    for line in lines:
        key = line.split("=")[0].strip()
        if key in changes or (key == "retention_in_days" and retention is None):
            continue
        out.append(line)
        if line == "[mount]":
            out += [f"{key} = {value}" for key, value in changes.items()]
        if line == "[client-info]" and client:
            out.append(f"source = {client}")
        if line == "[cloudwatch-log]" and cloudwatch:
            out.append("enabled = true")
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write("\n".join(out))
