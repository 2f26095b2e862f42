#!/usr/bin/python3
"""Promise: both of our INI readers (efs-utils.conf, contract 11.1, and the files of profiles) read what
Python's ConfigParser reads, and refuse what it refuses.

A table of tricky texts, and texts that a seeded generator makes; a difference is made as small as it gets and printed.
EFS_SEEDS=first:count chooses the seeds.
"""
import configparser
import io
import json
import os
import random
import subprocess
import sys
import unittest

from efs_test.programs import program

FIRST, COUNT = (int(part) for part in os.environ.get("EFS_SEEDS", "0:500").split(":"))
READERS = ("settings", "profiles")
# ConfigParser takes it as a character like others; in a path or a key it is an end, so we refuse it.
ARGUED_NUL = "\0"

TABLE = [
    "", "\n\n", "# only a comment\n", "k = v\n", "  k = v\n[a]\n",
    "[a]\nk = v\n", "[a]\nK = v\n", "[a]\nk=v", "[a]\nk: v\n", "[a]\nk = v = w\n", "[a]\nk : v = w\n", "[a]\nk=v:w\n",
    "[a]\nk =\n", "[a]\nk\n", "[a]\n= v\n", "[a]\n: v\n", "[a]\nk = v ; no comment\n", "[a]\nk = v # no comment\n",
    "[a]\nk = ;v\n", "[a]\nk = v\n;c\n#c\n  ;c\nj = w\n", "[a]\nk = 1\n  2\n  3\n", "[a]\nk = 1\n\n  2\n", "[a]\nk = 1\n\n\nj = 2\n",
    "[a]\nk = 1\n  # c\n  2\n", "[a]\nk = 1\n   \n  2\n", "[a]\nk =\n  1\n  2\n", "[a]\n  k = 1\n  j = 2\n", "[a]\n  k = 1\n j = 2\n",
    "[a]\n  k = 1\n    j = 2\n", "[a]\nk = 1\n  [b]\n", "  [a]\nk = 1\n", "[a]\n  [b]\nk = 1\n", "[a] junk\nk = 1\n", "[ a ]\nk = 1\n",
    "[a\nk = 1\n", "[]\nk = 1\n", "[a]\nk = 1\nk = 2\n", "[a]\nk = 1\nK = 2\n", "[a]\n[a]\n", "[a]\n[A]\nk = 1\n",
    "[DEFAULT]\nk = d\n[a]\nj = 1\n", "[DEFAULT]\nk = d\n[a]\nk = 1\n", "[a]\nj = 1\n[DEFAULT]\nk = d\n", "[DEFAULT]\n[DEFAULT]\nk = 1\n[a]\n",
    "[DEFAULT]\nk = 1\n[DEFAULT]\nk = 2\n[a]\n", "[default]\nk = 1\n[a]\n",
    "[a]\nk = 100%\n", "[a]\nk = 100%%\n", "[a]\nk = %(j)s\nj = v\n", "[a]\nk = %(J)s\nj = v\n", "[a]\nk = %(nothing)s\n", "[a]\nk = %(k)s\n",
    "[a]\nk = %(j)s\nj = %(l)s\nl = 5%%\n", "[a]\nk = %(j)\nj = v\n", "[a]\nk = %()s\n", "[a]\nk = %x\nj = ok\n", "[a]\nk = %%(j)s\n",
    "[DEFAULT]\nk = %(j)s\nj = d\n[a]\nj = own\n[b]\n", "[a]\nk = %(j)s\nj = 1\n  2\n", "[a]\nk = a%(j)sb%(j)sc\nj = -\n", "[a]\nk = %( j )s\nj = 1\n",
    "[a]\r\nk = v\r\n", "[a]\rk = v\rj = w", "[a]\n\rk = v\n", "[a]\nk = 1\r\n  2\r\n", "[a]\n\tk\t=\tv\t\n", "[a]\nk = \"v\"\n",
    "[a]\nk = " + "v" * 5000 + "\n", "[a]\nregion = {az}.{fs_id}.efs.{region}\n", "[mount.us-east-1]\nk = v\n", "[a]\nk = \u00e4\u20ac\n",
    "[a]\nk = v\n\f\n  w\n", "[a]\nkey with blanks = v\nk = 1\n", "\ufeff[a]\nk = v\n",
    "[a] (retired)\nk = v\n", "[a]b]\nk = v\n", "[[a]]\nk = v\n", "[a] ; c ] d\nk = v\n", "[]]\nk = v\n", "[" + "s" * 300 + "]\nk = v\n",
    "[a]\n" + "k" * 300 + " = v\nk = w\n", "[a]\nk ;x = v\nk = w\n", "[a]\n[k = v\n", "[a]\n[] = v\nk = w\n",
    "[a]\n\u00a0k\u3000=\u2009v\u0085\n", "[a]\n k = v\n\u3000j = w\n", "[a]\nk = v\n\u2028w\n", "[a]\nk = \x1cv\x1f\n", "\u00a0[a]\nk = v\n",
] + [f"[a]\nk0 = end\n" + "".join(f"k{i} = %(k{i-1})s\n" for i in range(1, n)) + f"k = %(k{n-1})s\n" for n in (8, 9, 10, 11, 12)]


class Text:
    """Lines, mostly plain, some odd."""
    BLANKS = [" ", "  ", "\t", "\u00a0", "\u2003", "\x0b", "\x0c", "\x1c", "\u3000", "\x85", "\u200b"]
    SECTIONS = ["a", "b", "mount", "profile x", "DEFAULT", "default", "x]y", "[z", "a ", " a", "ä", "", "]"]
    KEYS = ["k", "K", "key", "aws_region", "a b", "x.y", "[k", "#k", ";k", "k]", "\u00e4", "%k", "rem", "-"]
    VALUES = ["v", "", "a = b", "a:b", "# no comment", "v ; no comment", "%%", "%", "%(k)s", "%(gone)s", "%(k",
              "x%(key)s%%y", "[v]", "\u00a0v\u2003", "  v", "'v'", '"v"', "a\tb", "%(K)s", "v\x0b", "=", ":"]

    def __init__(self, seed):
        self.pick = random.Random(seed)
        self.oddness = self.pick.choice([0.0, 0.1, 0.4])
        if self.pick.random() < 0.3:  # a file of its own keys, few of which are given twice
            self.KEYS = [f"key{number}" for number in range(40)] + self.KEYS
        lines = [self.header() if self.pick.random() < 0.95 else ""]
        lines += [self.line() for _ in range(self.pick.randrange(14))]
        self.text = "".join(lines)

    def odd(self):
        return self.pick.random() < self.oddness

    def end(self):
        return self.pick.choice(["\r", "\r\n", "\n\n", " \n", "\n \n", "\n\t\n"]) if self.odd() else "\n"

    def indent(self):
        return self.pick.choice(self.BLANKS) * self.pick.randrange(1, 3) if self.odd() else ""

    def header(self):
        names = self.SECTIONS if self.odd() else [f"s{number}" for number in range(30)] + ["DEFAULT"]
        tail = self.pick.choice(["", " ", " # old", "x", "]", " ; ] x"]) if self.odd() else ""
        return self.indent() + f"[{self.pick.choice(names)}]" + tail + self.end()

    def option(self):
        equals = self.pick.choice(["=", ":", " : ", "  =", "=\t", "==", "", " "]) if self.odd() else " = "
        values = self.VALUES if self.odd() else ["v", "true", "/a/b", "10", "%(k)s", "%%"]
        return self.indent() + self.pick.choice(self.KEYS) + equals + self.pick.choice(values) + self.end()

    def line(self):
        kind = self.pick.random()
        if kind < 0.2:
            return self.header()
        if kind < 0.7:
            return self.option()
        if kind < 0.8:
            blank = self.pick.choice(self.BLANKS) if self.odd() else "  "
            return blank * self.pick.randrange(1, 4) + self.pick.choice(self.VALUES + ["more", "k = v"]) + self.end()
        if kind < 0.9:
            return self.indent() + self.pick.choice(["# c", ";c", "#", "", "#[x]", "; k = v"]) + self.end()
        return self.pick.choice(["nonsense", "[open", "]x[", "= v", ": v", "[]", "\ufeff[x]", "\0"]) + self.end()


def python_reads(reader, text):
    """Sections, [(section, key)], [value or error]; None where it refuses the text."""
    parser = configparser.ConfigParser() if reader == "settings" else configparser.RawConfigParser()
    try:
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.Error:
        return None
    asked = [(section, key) for section in parser.sections() for key in parser.options(section)]
    values = []
    for section, key in asked:
        try:
            values.append(parser.get(section, key))
        except configparser.InterpolationError:
            values.append("an error")
    return parser.sections(), asked, values


class Readers:
    def __init__(self):
        self.process = subprocess.Popen([program("read-ini")], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def read(self, reader, text, ask):
        self.process.stdin.write(json.dumps({"reader": reader, "text": text, "ask": ask}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def difference(self, reader, text):
        expected = python_reads(reader, text)
        sections, ask, values = expected or ([], [], [])
        found = self.read(reader, text, ask)
        refused = "error" in found or bool(found.get("problems"))
        if ARGUED_NUL in text:
            return None if refused or expected is None else "a NUL byte is taken"
        if expected is None or refused:
            return None if refused == (expected is None) else f"refused: {refused} {found}, theirs {expected}"
        mine = ["an error" if isinstance(value, dict) else value for value in found["values"]]
        if (found["sections"], mine) == (sections, values):
            return None
        return f"ours {found['sections']} {mine}, theirs {sections} {ask} {values}"


def minimised(readers, reader, text):
    changed = True
    while changed:
        changed = False
        for at in range(len(text)):
            shorter = text[:at] + text[at + 1:]
            if readers.difference(reader, shorter):
                text, changed = shorter, True
                break
    return text


class SameAsConfigParser(unittest.TestCase):
    def setUp(self):
        self.readers = Readers()
        self.addCleanup(self.readers.close)

    def test_tricky_texts(self):
        for text in TABLE:
            for reader in READERS:
                with self.subTest(reader=reader, text=text):
                    if text.startswith("\ufeff") and reader == "profiles":
                        continue  # see below
                    self.assertIsNone(self.readers.difference(reader, text))

    def test_a_nul_byte_is_refused(self):
        for reader in READERS:
            self.assertIsNotNone(python_reads(reader, "[a]\nk = v\0w\n"))
            self.assertIsNone(self.readers.difference(reader, "[a]\nk = v\0w\n"))

    def test_a_byte_order_mark_is_left_out_of_profiles(self):
        """botocore refuses such a file; the AWS CLI of Windows, whose editor writes it, does not."""
        text = "\ufeff[a]\nk = v\n"
        self.assertIsNone(python_reads("profiles", text))
        self.assertEqual(self.readers.read("profiles", text, [["a", "k"]])["values"], ["v"])
        self.assertIn("error", self.readers.read("settings", text, []))

    def test_random_texts(self):
        failed, read = [], 0
        for seed in range(FIRST, FIRST + COUNT):
            text = Text(seed).text.removeprefix("\ufeff")
            for reader in READERS:
                read += python_reads(reader, text) is not None
                if self.readers.difference(reader, text):
                    failed.append((seed, reader))
                    if len(failed) <= 10:
                        small = minimised(self.readers, reader, text)
                        print(f"seed {seed}, {reader}: {small!r}: {self.readers.difference(reader, small)}",
                              file=sys.stderr)
        print(f"seeds {FIRST} to {FIRST + COUNT - 1}: {read} of {2 * COUNT} texts read by ConfigParser, "
              f"{len(failed)} differences", file=sys.stderr)
        self.assertEqual(failed, [])
        # A generator that breaks nearly everything proves nothing.
        self.assertGreater(read, COUNT // 2)


if __name__ == "__main__":
    unittest.main()
