#!/usr/bin/python3
"""Promise: libcurl is loaded only where an HTTP call is made; where it is missing, that is said.

The library is hidden behind an empty file, in a mount namespace of this test's own.
"""
import ctypes.util
import glob
import json
import os
import subprocess
import tempfile
import unittest

from efs_test import machine
from efs_test.programs import program

machine.enter("--mount")


def hide_libcurl():
    name = ctypes.util.find_library("curl")
    places = {os.path.realpath(path) for folder in ("/lib", "/usr/lib")
              for pattern in (f"{folder}/*/{name}", f"{folder}64/{name}", f"{folder}/{name}")
              for path in glob.glob(pattern)}
    assert places, "no libcurl on this machine"
    with tempfile.NamedTemporaryFile() as empty:
        for place in places:
            subprocess.run(["mount", "--bind", empty.name, place], check=True, timeout=30)


class HttpLibrary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hide_libcurl()

    def find(self, **options):
        with tempfile.TemporaryDirectory() as home:
            os.mkdir(f"{home}/.aws", 0o700)
            with open(f"{home}/.aws/credentials", "w", encoding="ascii") as file:
                file.write("[p]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
            os.chmod(file.name, 0o600)
            return subprocess.run(
                [program("find-credentials")], capture_output=True, text=True, timeout=60,
                input=json.dumps({"home": home, "region": "us-east-1", **options}),
                env={"AWS_EC2_METADATA_DISABLED": "true"})

    def test_keys_of_a_profile_need_no_http(self):
        self.assertEqual(self.find(profile="p").returncode, 0)

    def test_a_missing_library_is_named_with_a_hint(self):
        done = self.find(credentials_uri="/x", container_endpoint="http://127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        for words in ("container credentials at /x", "GET to 127.0.0.1:1",
                      "loading libcurl.so.4", "install the libcurl package"):
            self.assertIn(words, done.stderr)

    def test_help_and_version_need_no_http(self):
        for word in ("--version", "--help"):
            subprocess.run([program("mount.efs"), word], check=True, capture_output=True, timeout=30)


if __name__ == "__main__":
    unittest.main()
