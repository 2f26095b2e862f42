"""Promise: mount.efs(8) and mount.s3files(8) describe every mount option of their programs, and no other (OPT-5);
each program has a page, which describes every option of its --help.

The options are those of its --help, which is made of the table that the program itself reads.
"""
import re
import unittest

from efs_test.programs import BIN, SOURCE, run

PAGE = SOURCE / "packaging/man/mount.efs.8"


def options_of_the_program(type):
    """(served, refused)"""
    usage = run(f"{BIN}/mount.{type}", "--help").stdout
    served, refused = usage.split(f"\nOptions of {type}:\n")[1].split("\nRefused by this version:\n")
    return tuple(set(re.findall(r"^  (\w+)", part, re.M)) for part in (served, refused))


def options_of_the_page(type):
    """The tags of the two option sections: (served, refused)."""
    page = (PAGE.parent / f"mount.{type}.8").read_text()
    sections = dict(re.findall(r"^\.SH ([A-Z ]+)\n(.*?)(?=^\.SH |\Z)", page, re.M | re.S))

    def tags(section):
        return {re.match(r"\w+", tag).group(0) for tag in
                re.findall(r"^\.T[PQ]\n\.BI? (\S+)", sections.get(section, ""), re.M)}
    return tags("OPTIONS"), tags("OPTIONS REFUSED BY THIS VERSION")


def option_words(text):
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z0-9-]*", text))


class ManPage(unittest.TestCase):
    def test_has_the_options_of_the_program(self):
        for type in ("efs", "s3files"):
            served, refused = options_of_the_program(type)
            self.assertGreater(len(served), 10, "the test no longer finds the options in --help")
            self.assertEqual(options_of_the_page(type), (served, refused), type)

    def test_each_program_has_a_page_with_all_its_options(self):
        for program, command in (("mount.efs", []), ("umount.efs", []), ("mount.s3files", []), ("umount.s3files", []), ("efsctl", ["config"]), ("efsctl", []), ("efsctl", ["status"]), ("efsctl", ["explain"]), ("efsctl", ["doctor"]), ("efsctl", ["metrics"]), ("efsctl", ["top"]),
                                 ("efs-proxy", []), ("amazon-efs-mount-watchdog", []), ("efs-log-writer", [])):
            usage = run(f"{BIN}/{program}", *command, "--help").stdout.split("\nFor tests")[0]
            self.assertTrue(option_words(usage), program)
            page = (PAGE.parent / f"{program}.8").read_text().replace("\\-", "-")
            self.assertEqual(option_words(usage) - option_words(page), set(), f"not in {program}.8")

    def test_pages_format_without_warning(self):
        for page in sorted(PAGE.parent.glob("*.[0-9]")):
            try:
                done = run("man", "--warnings", "-l", page, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
            except FileNotFoundError:
                self.skipTest("no man here")
            self.assertEqual(done.stderr, "", page.name)
            self.assertIn("SYNOPSIS", done.stdout)

    # Section 11.2: the page and config/README.md, which a unit test compares with what the programs read.
    def test_the_page_of_the_configuration_has_every_key(self):
        documented = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", (SOURCE / "config/README.md").read_text(), re.M)
        keys = re.findall(r"\w+", " ".join(documented))
        self.assertGreater(len(keys), 40)
        page = (PAGE.parent / "efs-utils.conf.5").read_text()
        tags = re.findall(r"^\.TP\n(.*)$", page, re.M)
        for key in keys:
            self.assertTrue(any(f"\\fB{key}\\fR" in tag for tag in tags), key)

    def test_names_the_paths_of_the_contract(self):
        text = PAGE.read_text()
        for path in ("/etc/amazon/efs/efs-utils.conf", "/etc/amazon/efs/efs-utils.crt", "/var/log/amazon/efs",
                     "/var/run/efs"):
            self.assertIn(path, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
