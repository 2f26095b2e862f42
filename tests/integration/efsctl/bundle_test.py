#!/usr/bin/python3
"""Promise: the archive of efsctl doctor --bundle holds what support needs, and no secret of this host."""
import base64
import os
import stat
import subprocess
import tarfile
import unittest

from efs_test import mount_helper
from efs_test.doctor import DoctorBench
from efs_test.files import write
from efs_test.machine import CONFIG, LOG
from efs_test.mount_helper import STATE
from efs_test.programs import program
from efs_test.simulator import FS

mount_helper.enter()

SECRETS = {
    "key of the environment": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYENVIRONMENT",
    "token of the environment": "short-token-of-the-environment",
    "key of a profile": "anotherSecretOfAProfile+with/signs012345",
    "key nobody knows": "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0RFRkdI",
    "session token": base64.b64encode(os.urandom(300)).decode(),
    "web identity token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "password of a proxy": "hunter2hunter2",
    "authorization": "Basic dXNlcjpwYXNz",
}


class Bundle(DoctorBench):
    def bundle(self, path):
        done = subprocess.run([program("efsctl"), "doctor", "--bundle", path, "-o", "tls,iam", f"{self.fs}:/"],
                              capture_output=True, text=True, timeout=60, env={
            "PATH": f"{self.programs}:/usr/bin:/bin", "AWS_SHARED_CREDENTIALS_FILE": "/run/credentials",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRETS["key of the environment"],
            "AWS_SESSION_TOKEN": SECRETS["token of the environment"],
            "https_proxy": f"http://user:{SECRETS['password of a proxy']}@127.0.0.1:9"})
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertNotIn("efsctl:", done.stderr)
        return {member.name: archive.extractfile(member).read().decode(errors="replace")
                for archive in [tarfile.open(path)] for member in archive if member.isfile()}

    def test_holds_no_secret(self):
        write("/run/credentials", f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
              f"aws_secret_access_key = {SECRETS['key of a profile']}\n")
        lines = [f"{name}: {secret}" for name, secret in SECRETS.items()] + [
            f'"SecretAccessKey" : "{SECRETS["key nobody knows"]}", "Token": "{SECRETS["session token"]}"',
            f"X-Amz-Security-Token={SECRETS['session token']}&X-Amz-Date=1",
            f"via http://user:{SECRETS['password of a proxy']}@proxy:3128/", f"Authorization: {SECRETS['authorization']}",
            f"aws_session_token={SECRETS['token of the environment']}", "a line to be kept"]
        key = "-----BEGIN PRIVATE KEY-----\nTUlJRXZnSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0NC\n-----END PRIVATE KEY-----"
        write(LOG, "\n".join(lines) + "\n" + key + "\n")
        write(CONFIG, open(CONFIG, encoding="utf-8").read() + f"\n[other]\npassword = {SECRETS['password of a proxy']}\n")
        os.makedirs(f"{STATE}/{FS}.mnt.20049+", exist_ok=True)
        write(f"{STATE}/{FS}.mnt.20049", f'{{"pid": -1, "secret_access_key": "{SECRETS["key nobody knows"]}"}}')
        write(f"{STATE}/{FS}.mnt.20049+/certificate.pem", key)
        path = "/run/bundle.tar.gz"
        files = self.bundle(path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertLessEqual({"./doctor.json", "./versions", "./efs-utils.conf", "./log/mount.log",
                              f"./state/{FS}.mnt.20049"}, set(files))
        for name, text in files.items():
            for kind, secret in SECRETS.items():
                self.assertNotIn(secret, text, f"{kind} in {name}")
            self.assertNotIn("TUlJRXZnSUJBREFOQmdr", text, name)
        self.assertIn("a line to be kept", files["./log/mount.log"])
        self.assertIn("dns_name_format", files["./efs-utils.conf"])

    def test_that_it_cannot_be_written_is_an_error(self):
        done = subprocess.run([program("efsctl"), "doctor", "--bundle", "/nowhere/b.tar.gz"], capture_output=True, text=True,
                              timeout=60, env={"PATH": f"{self.programs}:/usr/bin:/bin"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/b.tar.gz", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
