#!/usr/bin/python3
"""Promise: certificate-vectors says "ok" only when everything matches, and fails loudly otherwise.

Every expected value of the committed file is changed in turn; each change must be found. Files that
cannot be used (absent, cut, a field missing, no case) must give exit status 1 and a message.
"""
import copy
import json
import os
import subprocess
import tempfile
import unittest

from efs_test.programs import SOURCE, program

TOOL = program("certificate-vectors")
VECTORS = os.path.join(SOURCE, "tests/data/client-certificate.json")


def run(path):
    return subprocess.run([TOOL, path], capture_output=True, text=True, timeout=30)


def flip_last_hex_digit(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")


class CertificateVectors(unittest.TestCase):
    def setUp(self):
        with open(VECTORS, encoding="utf-8") as file:
            self.vectors = json.load(file)
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def run_with(self, content):
        path = os.path.join(self.directory.name, "vectors.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return run(path)

    def assert_mismatch(self, vectors, name, word):
        result = self.run_with(vectors)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(f"FAIL {name}\n", result.stdout)
        self.assertIn(word, result.stdout)

    def assert_refused(self, content, word):
        result = self.run_with(content)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(result.stdout, "")
        self.assertTrue(result.stderr.startswith("certificate-vectors: "), result.stderr)
        self.assertIn(word, result.stderr)

    def test_accepts_the_committed_file(self):
        result = run(VECTORS)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        names = [case["name"] for case in self.vectors["cases"]]
        self.assertEqual(result.stdout.splitlines(), [f"ok {name}" for name in names])

    def test_the_order_of_json_keys_does_not_matter(self):
        result = self.run_with(json.dumps(self.vectors, sort_keys=True))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_finds_each_changed_signature_value(self):
        words = {"public_key_sha1": "public key SHA-1", "canonical_request": "canonical request",
                 "string_to_sign": "string to sign", "signature": "signature"}
        for index, case in enumerate(self.vectors["cases"]):
            for field, word in words.items():
                if field not in case:
                    continue
                with self.subTest(case=case["name"], field=field):
                    changed = copy.deepcopy(self.vectors)
                    changed["cases"][index][field] = flip_last_hex_digit(case[field])
                    self.assert_mismatch(changed, case["name"], word)

    def test_finds_each_changed_missing_and_added_extension(self):
        for index, case in enumerate(self.vectors["cases"]):
            for oid, value in case["extension_value_hex"].items():
                with self.subTest(case=case["name"], oid=oid):
                    changed = copy.deepcopy(self.vectors)
                    changed["cases"][index]["extension_value_hex"][oid] = flip_last_hex_digit(value)
                    self.assert_mismatch(changed, case["name"], "extension ")
                    del changed["cases"][index]["extension_value_hex"][oid]
                    self.assert_mismatch(changed, case["name"], "extensions and their order")
            changed = copy.deepcopy(self.vectors)
            changed["cases"][index]["extension_value_hex"]["2.5.29.19"] = "3000"
            self.assert_mismatch(changed, case["name"], "2.5.29.19")

    def test_finds_each_changed_x509_line(self):
        for index, case in enumerate(self.vectors["cases"]):
            for line_index, line in enumerate(case["x509"]):
                with self.subTest(case=case["name"], line=line):
                    changed = copy.deepcopy(self.vectors)
                    changed["cases"][index]["x509"][line_index] = line + "x"
                    self.assert_mismatch(changed, case["name"], line.split("=")[0] + ":")

    def test_finds_each_changed_input(self):
        inputs = {"utc": "2026-03-01T12:00:01Z", "access_key_id": "AKIAOTHER",
                  "secret_access_key": "other", "session_token": "other", "region": "eu-north-1",
                  "file_system_id": "fs-0", "access_point_id": "fsap-0", "client_source": "other",
                  "client_version": "9", "common_name": "other"}
        for index, case in enumerate(self.vectors["cases"]):
            for field, value in inputs.items():
                signs_nothing = case["access_key_id"] is None
                if signs_nothing and field in ("access_key_id", "secret_access_key",
                                               "session_token", "region"):
                    continue
                with self.subTest(case=case["name"], field=field):
                    changed = copy.deepcopy(self.vectors)
                    changed["cases"][index][field] = value
                    self.assert_mismatch(changed, case["name"], "expected")

    def test_finds_another_key(self):
        key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True,
                             check=True, timeout=60).stdout
        changed = dict(self.vectors, private_key_pem=key)
        for case in self.vectors["cases"]:
            self.assert_mismatch(changed, case["name"], "extension 2.5.29.14")

    def test_one_bad_case_among_good_ones_is_enough(self):
        changed = copy.deepcopy(self.vectors)
        changed["cases"][1]["signature"] = "0" * 64
        result = self.run_with(changed)
        self.assertEqual(result.returncode, 1)
        verdicts = [line.split()[0] for line in result.stdout.splitlines()
                    if not line.startswith(" ")]
        self.assertEqual(verdicts, ["ok", "FAIL", "ok"])

    def test_refuses_each_missing_field(self):
        optional = {"public_key_sha1", "canonical_request", "string_to_sign", "signature"}
        for index, case in enumerate(self.vectors["cases"]):
            for field in case:
                if field in optional and case["access_key_id"] is None:
                    continue
                with self.subTest(case=case["name"], field=field):
                    changed = copy.deepcopy(self.vectors)
                    del changed["cases"][index][field]
                    self.assert_refused(changed, f'"{field}"')
        for field in ("private_key_pem", "cases"):
            changed = dict(self.vectors)
            del changed[field]
            self.assert_refused(changed, f'"{field}"')

    def test_refuses_files_that_check_nothing(self):
        self.assert_refused(dict(self.vectors, cases=[]), "empty")
        self.assert_refused(dict(self.vectors, cases={}), "cases")
        self.assert_refused(dict(self.vectors, cases=[1]), "case 1")
        self.assert_refused(dict(self.vectors, private_key_pem="x"), "private_key_pem")
        self.assert_refused("", "not valid JSON")
        self.assert_refused("[]", "not a JSON object")
        with open(VECTORS, encoding="utf-8") as file:
            self.assert_refused(file.read()[:-20], "not valid JSON")

    def test_refuses_bad_times_and_half_credentials(self):
        for utc in ("2026-02-30T12:00:00Z", "2026-03-01 12:00:00", "soon", ""):
            changed = copy.deepcopy(self.vectors)
            changed["cases"][0]["utc"] = utc
            self.assert_refused(changed, "utc")
        changed = copy.deepcopy(self.vectors)
        changed["cases"][0]["secret_access_key"] = None
        self.assert_refused(changed, "secret_access_key")

    def test_refuses_an_absent_file_and_wrong_usage(self):
        result = run(os.path.join(self.directory.name, "absent"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("No such file", result.stderr)
        result = subprocess.run([TOOL], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("usage", result.stderr)


if __name__ == "__main__":
    unittest.main()
