#!/usr/bin/python3
"""Promise: the messages of docs/troubleshooting.md are those that mount.efs says, word for word, in one line.

Each row of MESSAGES is a row of the page's table "Messages", which this test compares: the message (… stands for what differs) and
how it is provoked. One cause, one line, the way out in brackets.
"""
import contextlib
import os
import re
import socket
import subprocess
import unittest

from efs_test import machine, mount_helper
from efs_test.files import read, write
from efs_test.machine import SILENT
from efs_test.mount_helper import HelperBench
from efs_test.processes import listening_ports
from efs_test.programs import SOURCE, program
from efs_test.simulator import FS
from efs_test.waiting import WAIT

mount_helper.enter()

PAGE = SOURCE / "docs/troubleshooting.md"
CA = "/etc/amazon/efs/efs-utils.crt"
NAME = f"{FS}.efs.us-east-1.amazonaws.com"


@contextlib.contextmanager
def told(bench, command, undo):
    bench.sim.ctl(command)
    try:
        yield
    finally:
        bench.sim.ctl(undo)


def switch(command, undo):
    return lambda bench: told(bench, command, undo)


@contextlib.contextmanager
def pinned(address):
    before = read("/etc/hosts")
    write("/etc/hosts", f"127.0.0.1 localhost\n{address} {NAME} us-east-1a.{NAME}\n")
    try:
        yield
    finally:
        write("/etc/hosts", before)


@contextlib.contextmanager
def without_authorities():
    os.rename(CA, CA + ".away")
    try:
        yield
    finally:
        os.rename(CA + ".away", CA)


@contextlib.contextmanager
def port_taken():
    with socket.create_server(("127.0.0.1", 20777)):
        yield


def nothing(_bench):
    return contextlib.nullcontext()


# message -> what is wrong, options, device
MESSAGES = {
    '"fsap-0123456789abcdef0:/" is not an EFS file system id, ARN or DNS name (this is an access point: name its file system, with the '
    'mount options tls,accesspoint=fsap-0123456789abcdef0)': (nothing, "tls", "fsap-0123456789abcdef0:/"),
    '"https://…" is not an EFS file system id, ARN or DNS name (a device is no URL: did you mean …:/?)':
        (nothing, "tls", f"https://{NAME}/"),
    '"0123456789abcdef0:/" is not an EFS file system id, ARN or DNS name (did you mean fs-0123456789abcdef0:/?)':
        (nothing, "tls", "0123456789abcdef0:/"),
    '"FS-0123456789ABCDEF0:/" is not an EFS file system id, ARN or DNS name (ids are written in lower case: did you mean '
    'fs-0123456789abcdef0:/?)': (nothing, "tls", "FS-0123456789ABCDEF0:/"),
    'Failed to resolve "…": … (fs-0123456789abcdef has 16 digits, an id has 17 (old ones 8); check the file system id and region …)':
        (nothing, "tls", "fs-0123456789abcdef:/"),
    'region us-esat-1 is not known, did you mean us-east-1?: Failed to resolve "…": …': (nothing, "tls,region=us-esat-1", f"{FS}:/"),
    'The "tls" option is required when mounting via "iam"…': (nothing, "iam", f"{FS}:/"),
    'The "tls" option is required when mounting via "accesspoint"…': (nothing, "accesspoint=fsap-0123456789abcdef0", f"{FS}:/"),
    'connecting: mount target … refused the connection: … (check the mount target\'s state in the EFS console…)':
        (switch(f"target {FS} us-east-1a refuse", f"target {FS} us-east-1a ok"), "tls", f"{FS}:/"),
    'connecting: mount target … did not answer: … (…security group must allow…)': (lambda bench: pinned(SILENT), "tls", f"{FS}:/"),
    'connecting: no route to mount target …: … (check the route table and that the mount target is in a VPC this host can reach…)':
        (lambda bench: pinned("203.0.113.7"), "tls", f"{FS}:/"),
    'TLS: the certificate of mount target … was not accepted: … (check the CA bundle (option cafile, config key stunnel_cafile) and that '
    'the name belongs to this file system)': (switch("cert wrong-name", "cert ok"), "tls", f"{FS}:/"),
    'access denied by server while mounting 127.0.0.1:/: the file system policy does not allow anonymous clients… (add the mount option '
    'iam)': (switch(f"deny {FS} on", f"deny {FS} off"), "tls", f"{FS}:/"),
    'access denied by server while mounting 127.0.0.1:/: the file system policy does not allow ClientMount for access key … (allow '
    'elasticfilesystem:ClientMount for this identity in the file system policy or in the identity\'s own policy)':
        (switch(f"deny {FS} on", f"deny {FS} off"), "tls,iam", f"{FS}:/"),
    'authorisation: mount target …: … (check that access point fsap-0000000000000dead exists in this file system, that this host\'s clock '
    'is right, and whether the file system demands the mount option iam)':
        (nothing, "tls,accesspoint=fsap-0000000000000dead", f"{FS}:/"),
    'Failed to find certificate authority file for verification…': (lambda bench: without_authorities(), "tls", f"{FS}:/"),
    'Specified port [20777] is unavailable…': (lambda bench: port_taken(), "tls,tlsport=20777", f"{FS}:/"),
    'mounting 127.0.0.1:/: this kernel has no NFSv4 client…': (nothing, "tls", f"{FS}:/"),
    'only root can run mount.efs': (nothing, None, None),
}


def pattern(message):
    return ".*".join(re.escape(part) for part in message.split("…"))


class Messages(HelperBench):
    def said(self, options, device):
        if options is None:
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", program("mount.efs"), f"{FS}:/", "/mnt"],
                                  capture_output=True, text=True, timeout=WAIT)
            return done.stderr
        machine.write_config(retry_nfs_mount_command_count=1)
        self.ports = listening_ports()
        self.mount(options, device)
        return self.err

    def test_mount_efs_says_what_the_page_says(self):
        for message, (wrong, options, device) in MESSAGES.items():
            with self.subTest(message), wrong(self):
                text = self.said(options, device)
                print(f"    {text.strip()}", flush=True)
                self.assertNotEqual(self.code if options else 1, 0)
                self.assertRegex(text.splitlines()[-1], pattern(message))
                self.assertEqual(len(text.splitlines()), 1, "one cause, one line")
                self.assertNothingLeft()

    def test_the_page_has_the_same_messages(self):
        section = PAGE.read_text().split("\n## Messages\n")[1].split("\n## ")[0]
        table = [row.replace("\\`", "`") for row in re.findall(r"^\| `` (.+?) `` \|", section, re.M)]
        self.assertEqual(table, list(MESSAGES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
