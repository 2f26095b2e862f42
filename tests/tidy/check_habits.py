#!/usr/bin/env python3
"""Habits of the house that need the whole tree to be seen: threads, clocks and sleeps of tests, what a busy machine
breaks, sources that nobody builds, declarations that nobody needs. Usage: check_habits.py [--root DIR]

Prints one line per violation, `file:line: rule: what to do instead`, and exits 1 if there is any.
"""
import argparse
import ast
import pathlib
import re
import sys

from check_tree import OURS, without_comments_and_strings

# In tests/unit time is an argument. What waits for something real takes test_support::RealClock, with the reason.
REAL_CLOCK = re.compile(r"\bSystemClock\b|\b(?:system|steady|high_resolution)_clock::now\b|\bclock_gettime\b"
                        r"|\bgettimeofday\b|\bsleep_(?:for|until)\b|\b(?:u|nano)?sleep\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)")
# Our programs fork to ask what may never answer. Whatever lock another thread holds at that moment, of strerror(3) or the
# loader as well as ours, stays locked in the child, which then waits for ever.
THREAD = re.compile(r"\bstd::(?:async|j?thread)\b(?!::)|\bpthread_create\b|\bthrd_create\b|\bCURLOPT_QUICK_EXIT\b")
# The one file of Python that may sleep, by name.
SLEEPER = "tests/support/python/efs_test/waiting.py"


def code_files(root):
    """(name, text without comments and strings) of all C++ of ours."""
    for folder in OURS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cc", ".h") and path.is_file():
                yield path.relative_to(root).as_posix(), without_comments_and_strings(path.read_text())


def check_clocks(code):
    for name, text in code:
        if not name.startswith("tests/unit/"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if m := REAL_CLOCK.search(line):
                yield (f"{name}:{number}: clock: {m.group(0)}: take a FakeClock, or test_support::RealClock with the "
                       "reason")


def check_threads(code):
    for name, text in code:
        if name.startswith("tests/"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if m := THREAD.search(line):
                yield f"{name}:{number}: thread: {m.group(0)}: a program that forks has one; ask a child (ask_child.h)"


def check_sleeps(root):
    for path in sorted((root / "tests").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name == SLEEPER:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "sleep":
                yield f"{name}:{node.lineno}: sleep: efs_test.waiting has wait_for(), stays() and pause(), with a name"


def calls(node):
    """What is called in an expression: ("time", "monotonic"), ("self", "log"), ("", "read")."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            yield getattr(one.func.value, "id", getattr(one.func.value, "attr", "")), one.func.attr
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            yield "", one.func.id


def check_luck(root):
    """Limits that others use up who are at work, too; logs that another process is still writing."""
    for path in sorted((root / "tests/integration").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            asserts = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            if asserts in ("assertLess", "assertLessEqual") and ("time", "monotonic") in calls(node.args[0]):
                yield f"{name}:{node.lineno}: luck: a busy machine is slower: efs_test.waiting.Stopwatch has own()"
            if asserts == "assertIn" and (isinstance(node.args[1], ast.Call) and (
                    ast.unparse(node.args[1]) == "read(LOG)" or ast.unparse(node.args[1].func).endswith(".log"))):
                yield f"{name}:{node.lineno}: luck: the log may not have it yet: wait_log() or logged() waits for it"


# --- Sources that no target lists

def expanded(text):
    """Without comments, loops over plain words unrolled."""
    text = re.sub(r"#[^\n]*", "", text)

    def unroll(match):
        return "".join(re.sub(r"\$\{%s\}" % match.group(1), word, match.group(3)) for word in match.group(2).split())
    return re.sub(r"foreach\(\s*(\w+)((?:\s+[\w.+-]+)+)\s*\)(.*?)endforeach\(\)", unroll, text, flags=re.S)


def listed_files(root):
    """Paths of all files that a CMake file names, by the folder in which the name is meant."""
    lists = [path for folder in OURS for path in (root / folder).rglob("*")
             if path.name == "CMakeLists.txt" or path.suffix == ".cmake"]
    found = set()
    for path in [*lists, *sorted((root / "cmake").glob("*.cmake"))]:
        text = expanded(path.read_text())
        # Lists that another folder's CMakeLists.txt includes speak for that folder.
        folders = {path.parent, path.parent.parent} if path.suffix == ".cmake" else {path.parent}
        for folder in folders:
            words = re.findall(r"[^\s()\";]+", text)
            for word in words:
                word = re.sub(r"^\$\{(CMAKE_SOURCE_DIR|source)\}/", f"{root}/", word)
                word = re.sub(r"^\$\{CMAKE_CURRENT_(SOURCE|LIST)_DIR\}/", f"{folder}/", word)
                if re.search(r"\.(cc|py)$", word) and "$" not in word:
                    found.add((folder / word).resolve())
            if re.search(r"\befs_program\(", text):
                found.add((folder / "main.cc").resolve())
    return found


def check_listed(root):
    found = listed_files(root.resolve())
    for folder in OURS:
        for path in sorted((root / folder).rglob("*")):
            is_test = path.name.endswith("_test.py") and "integration" in path.parts
            if (path.suffix == ".cc" or is_test) and path.resolve() not in found:
                yield f"{path.relative_to(root).as_posix()}:1: unlisted: no CMake file names it, so nobody builds or runs it"


# --- Declarations without a need

# A function's name in a declaration: behind its type, before its arguments.
FUNCTION = re.compile(r"[\w>&*\]]\s+[&*]*([a-z]\w*)\s*\(")
TYPE = re.compile(r"^\s*(?:struct|class|enum class|enum)\s+(\w+)\b(?!\s*;)|^\s*using\s+(\w+)\s*=", re.M)
CONSTANT = re.compile(r"\bconstexpr\b[^=;({]*\b(k[A-Z]\w*)\b")
NO_FUNCTION = {"if", "for", "while", "switch", "return", "sizeof", "decltype", "noexcept", "alignas", "defined", "co_await",
               "static_assert", "catch", "operator", "throw", "new", "delete", "main", "explicit", "assert"}


def declared(text):
    """(name, line) of functions, types and constants that a header declares."""
    for pattern in (FUNCTION, TYPE, CONSTANT):
        for m in pattern.finditer(text):
            name = next(group for group in m.groups() if group)
            if name not in NO_FUNCTION and not re.search(r"\b(return|else|case)\s*$", text[:m.start(1)] if m.group(1) else ""):
                yield name, text.count("\n", 0, m.start()) + 1


def is_definition(line, name):
    """As clang-format lays a definition out: from the first column, the name as a member's or alone."""
    return re.match(r"[^\s#}].*(?:\b|::)%s\s*\(" % name, line) and not line.rstrip().endswith(";")


def check_needed(code):
    places = {}
    for name, text in code:
        for number, line in enumerate(text.splitlines(), 1):
            for word in re.findall(r"\b[A-Za-z_]\w*\b", line):
                places.setdefault(word, []).append((name, number, line))
    for name, text in code:
        if not name.endswith(".h"):
            continue
        for word, number in declared(text):
            others = [place for place in places.get(word, []) if place[:2] != (name, number)]
            if not others:
                yield f"{name}:{number}: dead: {word} is declared and never used: take it out"
            elif len(others) == 1 and others[0][0].endswith(".cc") and is_definition(others[0][2], word):
                yield f"{name}:{number}: dead: {word} is declared, defined and never used: take it out"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    root = parser.parse_args().root
    code = list(code_files(root))
    problems = [*check_clocks(code), *check_threads(code), *check_sleeps(root), *check_luck(root), *check_listed(root), *check_needed(code)]
    print("\n".join(problems) or f"{len(code)} files keep the habits")
    return 1 if problems or not code else 0


if __name__ == "__main__":
    sys.exit(main())
