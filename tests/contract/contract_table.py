#!/usr/bin/env python3
"""Which test proves which line of the contract. Usage: contract_table.py [--check | --write] [--root DIR]

Prints id, mark and the tests that name the id. ids.csv lists the lines of the contract in our words (a section
without ids of its own is one line); a test names one in a comment above it, in its name, or in a comment at the top
of its file: `// ST-1`, `contract section 12`, `contract 25.1`.

--write  makes docs/contract.md anew, and takes lines that have a test now out of not_yet.csv.
--check  fails when a MUST or FIX line has no test and is not in not_yet.csv; when a line of not_yet.csv has a test
         (the list only shrinks); when a test names an id that does not exist; when docs/contract.md is not up to date.
"""
import argparse
import collections
import csv
import pathlib
import re
import sys

# Where tests are; helpers, the simulator and data prove nothing by themselves.
TESTS = ["unit/**/*_test.cc", "integration/**/*_test.cc", "integration/**/*_test.py",
         "e2e/cases/*.sh", "e2e/*_cases/*.sh", "tidy/*_test.*", "contract/anchors_test.py"]
SECTION = re.compile(r"(?:\b[Cc]ontract\b[^.;\n]{0,30}?\b(?:section )?|\b[Ss]ection )(\d+)(?:(?:\.| item | no\. )(\d+))?")
# Sections of other documents.
ELSEWHERE = re.compile(r"\b(RFC|X\.\d+) ?\d*")
FUNCTION = {".cc": re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M),
            ".py": re.compile(r"^\s*def (test\w*)\(", re.M)}


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, not_yet):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("id", "reason"), *not_yet.items()])


def section_id(match, known):
    """`contract 11.2` is a part of section 11; section 25 is counted by item."""
    exact = f"section {match.group(1)}.{match.group(2)}"
    return exact if exact in known else f"section {match.group(1)}"


def ids_in(line, prefixes, known):
    """Every id that a line names, known or not; sections only where they are rows."""
    for match in re.finditer(rf"\b({prefixes})-(\d+)((?:/\d+)*)(?:\.\.(\d+))?", line):  # ST-1, ST-1/2, ST-1..4
        first, last = int(match.group(2)), int(match.group(4) or match.group(2))
        for number in [*range(first, last + 1), *(int(word) for word in match.group(3).split("/")[1:])]:
            yield f"{match.group(1)}-{number}"
    for match in () if ELSEWHERE.search(line) else SECTION.finditer(line):
        if section_id(match, known) in known:
            yield section_id(match, known)


def test_at(lines, number, pattern):
    """The test that line `number` belongs to: around it when it is indented deeper, else the next one."""
    starts = [(i, m) for i, line in enumerate(lines) if (m := pattern.match(line))]
    before = [pair for pair in starts if pair[0] <= number]
    after = [pair for pair in starts if pair[0] > number]
    indent = len(lines[number]) - len(lines[number].lstrip())
    if before and (number == before[-1][0] or
                   indent > len(lines[before[-1][0]]) - len(lines[before[-1][0]].lstrip())):
        return ".".join(before[-1][1].groups())
    comment = re.match(r"\s*(//|#)", lines[number])
    # A comment above a fixture or a table, and the text on top of a file, speak for the file.
    if comment and after and all(re.match(r"\s*(//|#|@|$)", line) for line in lines[number:after[0][0]]):
        return ".".join(after[0][1].groups())
    return ""


def find_tests(tests, known):
    """id -> {file: [test names]}"""
    prefixes = "|".join(sorted({row.split("-")[0] for row in known if "-" in row}))
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted({path for glob in TESTS for path in tests.glob(glob)}):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            for name in ids_in(line, prefixes, known):
                pattern = FUNCTION.get(path.suffix)
                test = test_at(lines, number, pattern) if pattern else ""
                names = found[name][path.relative_to(tests).as_posix()]
                if test not in names:
                    names.append(test)
    return found


def markdown(rows, found, not_yet):
    text = ["# The contract and its tests", "",
            "Made by `tests/contract/contract_table.py --write`; a test checks that it is up to date. The contract is that of",
            "amazon-efs-utils 3.2.0, line by line in our words (`tests/contract/ids.csv`); of S3 Files all but reads that pass the mount target by.",
            "MUST and FIX (a defect not to be copied) need a test; `tests/contract/not_yet.csv` lists those that have none, and",
            "can only shrink. `tests/contract/contract_table.py` also prints the names of the tests.", "",
            "| id | mark | what | tests |", "|---|---|---|---|"]
    for row in rows:
        tests = ", ".join(f"`{file}`" for file in sorted(found.get(row["id"], {})))
        if not tests and row["id"] in not_yet:
            tests = f"none yet: {not_yet[row['id']]}"
        text.append(f"| {row['id']} | {row['mark']} | {row['title']} | {tests} |")
    return "\n".join(text) + "\n"


def problems(rows, found, not_yet):
    known = {row["id"]: row["mark"] for row in rows}
    for name, mark in known.items():
        needed = "MUST" in mark or "FIX" in mark
        if needed and name not in found and name not in not_yet:
            yield f"{name} ({mark}): no test names it"
    for name, reason in not_yet.items():
        if name not in known:
            yield f"not_yet.csv: {name} is no id of the contract"
        elif name in found:
            yield f"not_yet.csv: {name} has a test now ({', '.join(found[name])}): take it out"
        elif not reason.strip():
            yield f"not_yet.csv: {name} has no reason"
    for name, files in found.items():
        if name not in known:
            yield f"{', '.join(files)}: {name} is no id of the contract"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true")
    action.add_argument("--write", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()
    tests, page = arguments.root / "tests", arguments.root / "docs/contract.md"
    rows = read_rows(tests / "contract/ids.csv")
    not_yet = {row["id"]: row["reason"] for row in read_rows(tests / "contract/not_yet.csv")}
    found = find_tests(tests, {row["id"] for row in rows})
    if arguments.write:
        not_yet = {name: reason for name, reason in not_yet.items() if name not in found}
        write_rows(tests / "contract/not_yet.csv", not_yet)
        page.write_text(markdown(rows, found, not_yet))
    elif arguments.check:
        wrong = list(problems(rows, found, not_yet))
        if not page.exists() or page.read_text() != markdown(rows, found, not_yet):
            wrong.append("docs/contract.md is not up to date: tests/contract/contract_table.py --write")
        print("\n".join(wrong) or f"{len(rows)} lines of the contract, {len(not_yet)} without a test yet")
        sys.exit(1 if wrong else 0)
    else:
        for row in rows:
            print(f"{row['id']:13} {row['mark']:10} {row['title']}")
            for file, names in sorted(found.get(row["id"], {}).items()):
                print(f"{'':24} {file}  {' '.join(name for name in names if name)}".rstrip())


if __name__ == "__main__":
    main()
