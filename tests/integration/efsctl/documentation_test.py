#!/usr/bin/python3
"""Promise: the pages for users are true to the programs: options, keys, commands and their words exist, examples can be read.

What a checker of others can tell is asked of it where it is installed (cfn-lint, terraform); the rest is read here.
"""
import configparser
import json
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from efs_test.programs import SOURCE, program, run
from efs_test.waiting import WAIT

USERS = ("aws-examples", "boot", "ecs", "kubernetes", "migration", "monitoring", "operations", "performance", "troubleshooting", "tuning",
         "architecture", "credentials", "security", "faults")
PAGES = [SOURCE / "README.md"] + [SOURCE / f"docs/{name}.md" for name in USERS]
# Options that are not ours: mount(8), systemd.mount(5), nfs(5). What else stands in a list of options must be one of mount.efs.
OTHERS = {"defaults", "_netdev", "nofail", "noauto", "ro", "rw", "noatime", "bg", "retry", "hard", "soft", "timeo", "retrans", "rsize", "wsize",
          "nconnect", "noresvport", "actimeo", "acregmax", "lookupcache", "nocto", "fsc", "remount"}
FSTAB = re.compile(r"(?:fs-[0-9a-f]+|\$\{?\w+\}?|\$fs):/\S*\s+(/\S+)\s+efs\s+(\S+)\s+(\d)\s+(\d)")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def served_options():
    usage = run(program("mount.efs"), "--help").stdout
    return set(re.findall(r"^  (\w+)", usage.split("\nOptions of efs:\n")[1].split("\nRefused by this version:\n")[0], re.M))


def option_lists(text):
    """Words of each list behind `-o`, in fstab lines and in `Options=`."""
    found = [words for _, words, _, _ in FSTAB.findall(text)]
    found += re.findall(r"(?:mount|doctor|explain)[^\n`]* -o ([\w=,./-]+)", text)
    found += re.findall(r"^Options=(\S+)$", text, re.M)
    return [word.split("=")[0] for words in found for word in words.split(",")]


class Documentation(unittest.TestCase):
    def assertEachPage(self, check):
        for page in PAGES:
            with self.subTest(page.name):
                check(page.read_text())

    def test_each_page_for_users_is_linked_from_the_first_one(self):
        first = (SOURCE / "README.md").read_text()
        for name in USERS:
            self.assertIn(f"(docs/{name}.md)", first)

    def test_options_are_those_of_mount_efs(self):
        served = served_options()
        self.assertGreater(len(served), 15)
        words = set()

        def check(text):
            found = set(option_lists(text))
            words.update(found)
            unknown = {word for word in found - served - OTHERS if not word.startswith("x-systemd.")}
            self.assertEqual(unknown, set())
        self.assertEachPage(check)
        self.assertGreaterEqual(len(words & served), 5, "the test no longer finds the options")

    def known_keys(self):
        report = json.loads(subprocess.run([program("efsctl"), "config", "--json", "--config", SOURCE / "config/efs-utils.conf"],
                                           capture_output=True, text=True, timeout=WAIT).stdout)
        return {value["key"] for value in report["values"]}

    def test_keys_are_those_of_the_configuration(self):
        keys = self.known_keys()
        self.assertGreater(len(keys), 40)

        def check(text):
            named = set(re.findall(r"\b[Kk]eys? `(\w+)`", text)) | set(re.findall(r"`(\w+) = [^`]+`", text))
            # Names of a profile's keys are AWS's.
            of_profiles = {"credential_source"}
            self.assertEqual({key for key in named if "_" in key} - keys - of_profiles, set())
        self.assertEachPage(check)

    def test_settings_in_examples_are_taken(self):
        """Each block of our configuration is read by efsctl config without a word of complaint."""
        taken = 0
        for page in PAGES:
            for text in blocks(page.read_text(), "ini"):
                if not re.search(r"^\[(mount-watchdog|mount|DEFAULT)\]$", text, re.M):
                    continue
                taken += 1
                with tempfile.NamedTemporaryFile("w", suffix=".conf") as out:
                    out.write(text)
                    out.flush()
                    done = subprocess.run([program("efsctl"), "config", "--config", out.name], capture_output=True, text=True, timeout=WAIT)
                self.assertNotIn("unknown", done.stderr.lower(), page.name)
                self.assertNotIn("[mount-watchdog]", done.stderr, page.name)
        self.assertGreaterEqual(taken, 0)

    def test_commands_and_their_words_exist(self):
        commands = set(re.findall(r"^  ([a-z]+) ", run(program("efsctl"), "--help").stdout, re.M))
        usage = {name: run(program("efsctl"), name, "--help").stdout for name in commands}

        def check(text):
            for name, rest in re.findall(r"\befsctl ([a-z]+)([^`\n#|;]*)", text):
                if name not in commands:
                    self.assertIn(name, ("and", "is", "in", "of", "tells", "has"), "no command of efsctl")
                    continue
                for word in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)\b", rest.split(" -o ")[0]):
                    self.assertIn(word, usage[name], f"efsctl {name}")
        self.assertEachPage(check)

    def test_exit_codes_are_told_by_each_command(self):
        """efsctl/README.md, the page of the manual and --help speak of the same codes."""
        page = (SOURCE / "packaging/man/efsctl.8").read_text()
        told = re.findall(r"^\.B (\d)$", page.split(".SH EXIT STATUS")[1].split(".SH EXAMPLES")[0], re.M)
        self.assertEqual(told, ["0", "1", "2"])
        for name in re.findall(r"^  ([a-z]+) ", run(program("efsctl"), "--help").stdout, re.M):
            text = run(program("efsctl"), name, "--help").stdout.split("Exit code: ")[1]
            self.assertLessEqual(set(re.findall(r"(?<![\w.])(\d)(?![\w.])", text)), {"0", "1", "2"}, name)

    def test_usage_errors_end_with_the_code_of_the_manual(self):
        for name in ("status", "doctor", "explain", "metrics", "config"):
            self.assertEqual(run(program("efsctl"), name, "--no-such-word", check=False).returncode, 2, name)
        for name in ("mount.efs", "umount.efs", "efs-proxy"):
            self.assertNotEqual(run(program(name), check=False).returncode, 0, name)

    def test_examples_can_be_read(self):
        counts = {"sh": 0, "json": 0, "yaml": 0, "ini": 0, "mermaid": 0}

        def check(text):
            for script in blocks(text, "sh"):
                counts["sh"] += 1
                done = subprocess.run(["bash", "-n"], input=re.sub(r"<([\w ]+)>", r"\1", script), capture_output=True, text=True, timeout=WAIT)
                self.assertEqual(done.stderr, "", script)
            for document in blocks(text, "json"):
                counts["json"] += 1
                json.loads(document)
            for document in blocks(text, "yaml"):
                counts["yaml"] += 1
                self.assertTrue(list(yaml.safe_load_all(document)))
            for document in blocks(text, "ini"):
                counts["ini"] += 1
                # Two files in one block are two sections of one name.
                parser = configparser.ConfigParser(strict=False, interpolation=None)
                parser.optionxform = str
                parser.read_string(document)
            for drawing in blocks(text, "mermaid"):
                counts["mermaid"] += 1
                self.assertIn(drawing.split()[0], ("flowchart", "sequenceDiagram", "stateDiagram-v2", "xychart-beta"))
                for opening, closing in ("[]", "()", "{}"):
                    self.assertEqual(drawing.count(opening), drawing.count(closing), drawing)
        self.assertEachPage(check)
        self.assertTrue(all(counts.values()), counts)

    def test_lines_of_fstab_have_six_fields(self):
        lines = [line for page in PAGES for line in FSTAB.findall(page.read_text())]
        self.assertGreater(len(lines), 5)
        for point, options, dump, check in lines:
            self.assertTrue(point.startswith("/"))
            self.assertIn("_netdev", options.split(","))
            self.assertEqual((dump, check), ("0", "0"))

    def test_files_for_aws_can_be_read(self):
        folder = SOURCE / "docs/aws"
        json.loads((folder / "client-policy.json").read_text())
        kinds = [document["kind"] for document in yaml.safe_load_all((folder / "kubernetes.yaml").read_text())]
        self.assertEqual(kinds, ["StorageClass", "PersistentVolumeClaim", "PersistentVolume", "PersistentVolumeClaim"])
        terraform = (folder / "main.tf").read_text()
        for opening, closing in ("[]", "()", "{}"):
            self.assertEqual(terraform.count(opening), terraform.count(closing))

    def ask(self, *command):
        """A checker of others, where it is there."""
        if not shutil.which(command[0]):
            self.skipTest(f"no {command[0]} here")
        done = subprocess.run(command, capture_output=True, text=True, timeout=4 * WAIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_cloudformation_takes_its_file(self):
        self.ask("cfn-lint", SOURCE / "docs/aws/efs.yaml")

    def test_terraform_takes_its_file(self):
        self.ask("terraform", "fmt", "-check", SOURCE / "docs/aws/main.tf")


if __name__ == "__main__":
    unittest.main(verbosity=2)
