#!/usr/bin/env python3
"""Whatever code, tests and pages refer to is in this repository. Usage: check_references.py [--root DIR]

* `ST-1`, `contract section 12`, `contract 11.2`, `contract 25 item 19` are headings or lines of docs/contract;
* docs/contract and tests/contract/ids.csv know the same ids;
* links of pages lead to files, `#parts` to headings;
* tests that pages name as `file::name` exist;
* files that comments name by their path from the root exist, and nobody cites a page that is not here (design.md).

Prints one line per violation, `file:line: reference: what is wrong`, and exits 1 if there is any.
"""
import argparse
import csv
import pathlib
import re
import sys

FOLDERS = ["common", "log_writer", "mount_helper", "tls_tunnel", "watchdog", "efsctl", "tests", "docs", "config", "systemd",
           "packaging", "cmake", "README.md", "CMakeLists.txt", "run.sh", "test.sh"]
TEXT = {".cc", ".h", ".py", ".sh", ".md", ".cmake", ".txt", ".csv", ".conf", ".service"}
# Made data, and what speaks of references itself.
LEFT_OUT = ("tests/data/", "tests/tidy/", "tests/contract/contract_table", "tests/contract/ids.csv", "docs/contract.md")
SECTION = re.compile(r"\b[Cc]ontract(?:'s)?,? (?:sections? )?(\d+)(?:\.(\d+)| (?:item|no\.) (\d+))?(?:(?: and | to |, )(\d+)\b)?")
# "contract" may end a line of a comment and its number begin the next.
BROKEN = re.compile(r"(\b[Cc]ontract(?:'s)?,?(?: sections?)?) *\n\s*(?://|#|\*)?\s*(?=(?:sections? )?\d)")
ABSENT = re.compile(r"\b(?:design|field|models|compatibility|attack)\.md\b|\bdesign \"")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])((?:common|log_writer|mount_helper|tls_tunnel|watchdog|efsctl|tests|docs|packaging|cmake)/"
                  r"[\w./-]+\.(?:cc|h|py|sh|md|cmake|csv|txt|json))\b")


TEST = re.compile(r"`(tests/[\w./-]+)::([^`]+)`")


def texts(root):
    for folder in FOLDERS:
        top = root / folder
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = path.relative_to(root).as_posix()
            if path.is_file() and path.suffix in TEXT and not name.startswith(LEFT_OUT):
                yield path, name, path.read_text(errors="replace")


def contract(root):
    """(ids, sections) that docs/contract defines."""
    ids, sections = set(), set()
    for path in (root / "docs/contract").glob("*.md"):
        text = path.read_text()
        ids |= set(re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", text, re.M))
        sections |= set(re.findall(r"^##+ (\d+(?:\.\d+)?)\b", text, re.M))
        sections |= set(re.findall(r"^- \*\*(\d+\.\d+)\*\*", text, re.M))
    return ids, sections


def anchors(text):
    """The `#parts` of a page, as GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def check_contract(name, text, ids, sections):
    prefixes = "|".join(sorted({word.split("-")[0] for word in ids}))
    for number, line in enumerate(text.splitlines(), 1):
        for m in re.finditer(rf"\b((?:{prefixes})-\d+)\b(?!-)", line):
            if m.group(1) not in ids:
                yield number, f"{m.group(1)} is no id of docs/contract"
        for m in SECTION.finditer(line):
            wanted = [m.group(1) + (f".{m.group(2) or m.group(3)}" if m.group(2) or m.group(3) else "")]
            wanted += [m.group(4)] if m.group(4) else []
            for section in wanted:
                if section not in sections:
                    yield number, f"docs/contract has no section {section}"
        if m := ABSENT.search(line):
            yield number, f"{m.group(0)} is no page of this repository: say what is meant, or cite an id"


def check_links(root, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line) if path.suffix == ".md" else []:
            file, _, part = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            page = (path.parent / file).resolve() if file else path
            if not page.exists():
                yield number, f"the link to {target} leads nowhere"
            elif part and part not in anchors(page.read_text()):
                yield number, f"{file or 'this page'} has no heading for #{part}"
        for file, test in TEST.findall(line) if path.suffix == ".md" else []:
            if not (root / file).exists() or test not in (root / file).read_text(errors="replace"):
                yield number, f"{file} has no test {test}"
        for file in PATH.findall(line):
            if not (root / file).exists() and "*" not in file:
                yield number, f"there is no {file}"


def check_ids(root, ids):
    with (root / "tests/contract/ids.csv").open(newline="") as file:
        rows = {row["id"] for row in csv.DictReader(file) if not row["id"].startswith("section ")}
    for name in sorted(ids - rows):
        yield f"tests/contract/ids.csv:1: reference: {name} of docs/contract has no row"
    for name in sorted(rows - ids):
        yield f"docs/contract/README.md:1: reference: {name} of tests/contract/ids.csv is in no page"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    root = parser.parse_args().root.resolve()
    ids, sections = contract(root)
    problems = list(check_ids(root, ids))
    count = 0
    for path, name, text in texts(root):
        count += 1
        joined = BROKEN.sub(r"\n\1 ", text)  # as many lines as before
        problems += [f"{name}:{line}: reference: {what}" for line, what in check_contract(name, joined, ids, sections)]
        problems += [f"{name}:{line}: reference: {what}" for line, what in check_links(root, path, text)]
    print("\n".join(problems) or f"{count} files, {len(ids)} ids: every reference resolves")
    return 1 if problems or not count or not ids else 0


if __name__ == "__main__":
    sys.exit(main())
