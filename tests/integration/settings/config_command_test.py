"""Promise: `efsctl config` tells what holds and why, and the edits that AWS's pages tell people to make work.

The edits are the sed commands of efs-utils' README and of AWS's user guide, run on the shipped file.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from efs_test.programs import SOURCE, program

# (sed expression, section, key, value afterwards)
EDITS = [
    ("/logging_level = INFO/s//logging_level = DEBUG/g", "mount", "logging_level", "DEBUG"),
    ("/stunnel_debug_enabled = false/s//stunnel_debug_enabled = true/g", "mount", "stunnel_debug_enabled", "true"),
    (r"/\[cloudwatch-log\]/{N;s/# enabled = true/enabled = true/}", "cloudwatch-log", "enabled", "true"),
    ("s/optimize_readahead = true/optimize_readahead = false/", "mount", "optimize_readahead", "false"),
    ("s/fall_back_to_mount_target_ip_address_enabled = true/fall_back_to_mount_target_ip_address_enabled = false/",
     "mount", "fall_back_to_mount_target_ip_address_enabled", "false"),
    ("s/disable_fetch_ec2_metadata_token = false/disable_fetch_ec2_metadata_token = true/", "mount",
     "disable_fetch_ec2_metadata_token", "true"),
    ("s/fips_mode_enabled = false/fips_mode_enabled = true/", "mount", "fips_mode_enabled", "true"),
    ("s/stunnel_check_cert_hostname = true/stunnel_check_cert_hostname = false/", "mount",
     "stunnel_check_cert_hostname", "false"),
    ("s/#region = us-east-1/region = us-west-2/", "mount", "region", "us-west-2"),
    ("s/retry_nfs_mount_command = true/retry_nfs_mount_command = false/", "mount", "retry_nfs_mount_command", "false"),
]


class ConfigCommand(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("efs-utils.conf", "efsmount.conf"):
            shutil.copy(SOURCE / "config" / name, self.folder)
        self.config = self.folder / "efs-utils.conf"

    def efsctl(self, *words, **variables):
        return subprocess.run([program("efsctl"), "config", "--config", self.config, *words], capture_output=True,
                              text=True, timeout=60, check=False, env={**os.environ, **variables})

    def values(self, **variables):
        done = self.efsctl("--json", **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {(entry["section"], entry["key"]): entry for entry in json.loads(done.stdout)["values"]}

    def test_the_shipped_files_are_all_well(self):
        done = self.efsctl()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, rf"(?m)^optimize_readahead = true +# {re.escape(str(self.config))}:\d+$")
        self.assertRegex(done.stdout, r"(?m)^mount_api = auto +# built-in$")

    def test_each_documented_edit_does_what_it_says(self):
        for expression, section, key, value in EDITS:
            with self.subTest(expression):
                shutil.copy(SOURCE / "config/efs-utils.conf", self.config)
                self.assertNotEqual(self.values()[section, key]["value"], value)
                subprocess.run(["sed", "-i", "-e", expression, self.config], check=True, timeout=60)
                found = self.values()[section, key]
                self.assertEqual(found["value"], value)
                self.assertTrue(found["origin"].startswith(f"{self.config}:"), found)

    # Section 21: what AWS's pages about S3 Files tell people to change.
    def test_each_edit_works_in_the_file_of_s3files_too(self):
        edits = [edit for edit in EDITS if edit[1] == "mount" and not edit[2].startswith("fall_back")]
        edits += [("s/proxy_logging_level = INFO/proxy_logging_level = DEBUG/", "proxy", "proxy_logging_level", "DEBUG"),
                  (r"/\[cloudwatch-log\]/{N;s/enabled = true/enabled = false/}", "cloudwatch-log", "enabled", "false")]
        self.config = self.folder / "s3files-utils.conf"
        for expression, section, key, value in edits:
            with self.subTest(expression):
                shutil.copy(SOURCE / "config/s3files-utils.conf", self.config)
                subprocess.run(["sed", "-i", "-e", expression, self.config], check=True, timeout=60)
                done = self.efsctl("--json", "-t", "s3files")
                self.assertEqual(done.returncode, 0, done.stderr)
                found = {(entry["section"], entry["key"]): entry for entry in json.loads(done.stdout)["values"]}
                self.assertEqual(found[section, key]["value"], value)
                self.assertTrue(found[section, key]["origin"].startswith(f"{self.config}:"), found[section, key])

    def test_a_variable_wins_and_is_named(self):
        found = self.values(EFSMOUNT_MOUNT_OPTIMIZE_READAHEAD="false")["mount", "optimize_readahead"]
        self.assertEqual((found["value"], found["origin"]), ("false", "variable EFSMOUNT_MOUNT_OPTIMIZE_READAHEAD"))

    def test_a_slip_is_named_with_what_was_meant(self):
        (self.folder / "efsmount.conf").write_text("[mount-watchdog]\naz_fail_over = off\n")
        done = self.efsctl()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.folder}/efsmount.conf:2: [mount-watchdog] az_fail_over is unknown and does nothing; "
                      "did you mean \"az_failover\"?", done.stderr)

    def test_what_no_mount_can_be_made_with_is_an_error(self):
        self.config.write_text("[mount]\nfips_mode_enabled = perhaps\n")
        done = self.efsctl()
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not true or false", done.stderr)
        self.config.write_text("no section\n")
        self.assertEqual(self.efsctl().returncode, 2)
        self.assertEqual(self.efsctl("--no-such-option").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
