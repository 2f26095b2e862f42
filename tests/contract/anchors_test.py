"""Promise: the words that people and tools search the logs for are still written (contract section 19).

anchors.csv lists them by program, with the reason for each that is not written; such a line must go when the words
come. The words are looked for in the text constants of the program and of the libraries it uses: the end-to-end tests
show when a line is written, this one that nobody rewords it.
"""
import csv
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Adjacent constants are one; what the preprocessor would join is joined here.
CONSTANTS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')


def constants(folder):
    for path in sorted((ROOT / folder).rglob("*.cc")):
        for match in CONSTANTS.finditer(path.read_text()):
            parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group(0))
            yield "".join(parts).replace('\\"', '"')


def rows():
    with (ROOT / "tests/contract/anchors.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Anchors(unittest.TestCase):
    def test_every_anchor_is_written_or_has_a_reason(self):
        common = list(constants("common"))
        texts = {program: list(constants(program)) + common for program in ("mount_helper", "watchdog", "tls_tunnel")}
        wrong = []
        for row in rows():
            written = any(row["fragment"] in text for text in texts[row["program"]])
            if not written and not row["why_not"]:
                wrong.append(f"{row['program']}: nothing writes \"{row['fragment']}\"")
            if written and row["why_not"]:
                wrong.append(f"{row['program']}: \"{row['fragment']}\" is written: take the reason out of anchors.csv")
        self.assertEqual(wrong, [])
        self.assertGreater(len(rows()), 60)

    def test_would_notice_a_missing_one(self):
        self.assertFalse(any("words that no program writes" in text for text in constants("watchdog")))
        self.assertTrue(any("is enabled and started" in text for text in constants("watchdog")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
