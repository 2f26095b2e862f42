#!/usr/bin/env python3
"""How the house is built, in numbers: docs/house.md is made by this.

  house_table.py                    what is above a limit, and exit 1 if anything is (the test tidy.house)
  house_table.py --write [COMMIT]   docs/house.md anew, with COMMIT (default cd1aded) as the "before"
  house_table.py --root DIR         of another tree

Counted are the products: .cc and .h files of everything but tests. Functions and methods are found by braces and
parentheses, not by a compiler: good to a percent, and the same for both columns.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["common", "efsctl", "log_writer", "mount_helper", "tls_tunnel", "watchdog"]
ROOMS = [f"mount_helper/{room}" for room in ("request", "facts", "plan", "carry_out", "umount")] + \
    [f"watchdog/{room}" for room in ("judge", "observe", "mounts", "act", "repair", "daemon")]
PAGE = "docs/house.md"
MAX_FILE = 400
MAX_METHODS = 25
MAX_FUNCTION = 60
# Classes that were above the limit when it came, with what they have: they may only lose. Half of
# these methods are the interface of a relay, or one-line questions about a connection.
LARGE = {"PooledRelay": 30, "Channel": 27}
# The longest chain of parts that include each other: to change the last of them, so many may have to be understood.
# common: a file of the user's is asked for in a child (users_file), and the child lets go of the log, so HTTP stands above both.
MAX_LEVELS = {"common": 15, "efsctl": 6, "log_writer": 2, "mount_helper": 9, "tls_tunnel": 11, "watchdog": 13}
# Where order and time matter, the code alone does not say why: the least share of comments, in percent.
MIN_COMMENTS = {"watchdog/act": 7, "watchdog/repair": 7, "watchdog/mounts": 7, "mount_helper/carry_out": 7}

# Idea -> what only its home should contain. Counted are files.
IDEAS = [
    ("a child that is asked, with a deadline", r"Subprocess::fork\(\[|[^\w]::fork\(\)"),
    ("an event loop", r"epoll_create1"),
    ("a row of /proc/net/tcp", r"k(?:Tcp)?Established = 1"),
    ("a walk over all processes", r"directory_iterator \w+\((?:proc\b|\"/proc\")"),
    ("is it a program?", r"X_OK"),
    ("yes, no, no answer", r"enum class \w+ \{ ?kNo, ?kYes, ?kUnknown"),
    ("which file was read", r"st_mtim\b"),
    ("does a watchdog answer?", r"ping\.op = "),
    ("the port of NFS", r"= 2049\b"),
    ("the directory of the logs", r"\"/var/log/amazon"),
    ("the hint about the security group", r"security group must allow"),
    ("a missing CA bundle", r"\"Failed to find certificate authority file"),
    ("seconds since 1970", r"duration<double>\([^;]*time_since_epoch"),
    ("<name>+", r"[nN]ame \+ \"\+\""),
    ("stunnel-config.<name>", r"\"/?stunnel-config\."),
    ("privateKey.lock", r"\"/privateKey\.lock\""),
]


def git(*arguments):
    return subprocess.check_output(["git", "-C", str(ROOT), *arguments], text=True)


def from_commit(commit):
    names = git("ls-tree", "-r", "--name-only", commit).split("\n")
    return {name: git("show", f"{commit}:{name}") for name in names if is_product(name)}


def from_tree(root=ROOT):
    return {path.relative_to(root).as_posix(): path.read_text()
            for folder in FOLDERS for path in sorted((root / folder).rglob("*"))
            if path.is_file() and is_product(path.relative_to(root).as_posix())}


def is_product(name):
    return name.split("/")[0] in FOLDERS and name.endswith((".cc", ".h"))


def without_words(text):
    """Comments, strings and preprocessor lines as blanks, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    text = re.sub(r'R"(\w*)\(.*?\)\1"', blank, text, flags=re.S)
    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def kind_of(header, outer):
    """What a brace opens, from the text since the last statement."""
    if outer in ("function", "value"):
        return outer
    if re.search(r"\bnamespace\b|\bextern\s*$", header):
        return "namespace"
    if re.search(r"\b(class|struct|union|enum)\b", header) and "(" not in header:
        return "class"
    return "function" if ")" in header else "value"


def bodies(text):
    """[(kind, name, first line, last line, statements of a class)] of classes and functions."""
    text = without_words(text)
    stack, found = [], []
    start, line = 0, 1
    for at, char in enumerate(text):
        if char == "\n":
            line += 1
        if char == "{":
            header = text[start:at]
            outer = stack[-1][0] if stack else "namespace"
            kind = kind_of(header, outer)
            # "Name(...) : member_{...}" goes on.
            if kind == "function" and outer != "function" and \
                    re.search(r"\)\s*(noexcept\s*)?:[^:]", header) and re.search(r"\w\s*$", header):
                kind = "value"
            stack.append((kind, header, line - header.lstrip().count("\n"), start, []))
            if kind != "value":
                start = at + 1
        elif char == "}" and stack:
            kind, header, first, before, statements = stack.pop()
            if kind == "value":
                start = before
                continue
            outer = stack[-1][0] if stack else "namespace"
            if kind == "function" and outer != "function":
                found.append(("function", header.strip(), first, line, []))
                if stack and stack[-1][0] == "class":
                    stack[-1][4].append(header)
            elif kind == "class":
                found.append(("class", header.strip(), first, line, statements))
            start = at + 1
        elif char == ";":
            if stack and stack[-1][0] == "class":
                stack[-1][4].append(text[start:at])
            start = at + 1
    return found


def methods(statements):
    """Of a class: its functions, without constructors, operators and what the compiler makes."""
    count = 0
    for statement in statements:
        text = re.sub(r"\b(public|private|protected)\s*:", "", statement).strip()
        text = re.sub(r"<[^<>()]*>", "", re.sub(r"<[^<>]*>", "", text))
        if re.match(r"(using|friend|static_assert|typedef|enum)\b", text) or "= delete" in text or "= default" in text:
            continue
        found = re.match(r"[^=(]*?\b(\w+)\s*\(", text)
        before = text[:found.start(1)].strip() if found else ""
        if found and before and not before.endswith("~") and "operator" not in before and "std::function" not in before:
            count += 1
    return count


def levels(files, folder):
    """The longest chain of parts, each a header with its source, of which one includes the next."""
    inside = [name for name in files if name.startswith(folder + "/")]
    part = {name: re.sub(r"\.(cc|h)$", "", re.sub(r"include/efs/\w+/", "", name)) for name in inside}
    by_name = collections.defaultdict(list)
    for name in inside:
        by_name[name.split("/")[-1]].append(name)
    edges = collections.defaultdict(set)
    for name in inside:
        for word in re.findall(r'#include "([^"]+)"', files[name]):
            found = [other for other in by_name[word.split("/")[-1]] if ("/" + other).endswith("/" + word)]
            # "error.h" of one's own folder; "efs/net/address.h" has only one end.
            near = [other for other in found if other.rsplit("/", 1)[0] == name.rsplit("/", 1)[0]]
            edges[part[name]].update(part[other] for other in (near or found))
    depth, open_parts = {}, []

    def walk(name):
        if name in depth:
            return depth[name]
        if name in open_parts:
            return 0  # two that need each other are on one level
        open_parts.append(name)
        found = 1 + max((walk(other) for other in sorted(edges[name]) if other != name), default=0)
        open_parts.pop()
        depth[name] = found
        return found
    return max((walk(name) for name in sorted(set(part.values()))), default=0)


def spread(numbers):
    numbers = sorted(numbers)
    at = lambda part: numbers[min(len(numbers) - 1, int(part * len(numbers)))]
    return f"{at(.5)} / {at(.9)} / {numbers[-1]}"


def comment_share(texts):
    """In percent of all lines."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return 100 * sum(line.startswith("//") for line in lines) / max(1, len(lines))


def label(header):
    return re.sub(r"\s+", " ", header)[:90]


class House:
    def __init__(self, files):
        self.files = files
        self.lines = {name: text.count("\n") for name, text in files.items()}
        self.functions, self.classes = [], []
        for name, text in files.items():
            for kind, header, first, last, statements in bodies(text):
                if kind == "function":
                    self.functions.append((last - first + 1, name, label(header)))
                elif re.search(r"\b(class|struct)\b", header):
                    title = re.findall(r"\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?([\w:]+)", header)
                    self.classes.append((methods(statements), name, title[-1] if title else "?"))

    def folders(self):
        groups = collections.Counter()
        for name in self.files:
            parts = [part for part in name.split("/")[:-1] if part not in ("include", "efs")]
            groups["/".join(parts[:2])] += 1
        return groups

    def comments(self, folder):
        return comment_share(text for name, text in self.files.items()
                             if name.startswith(folder + "/") and name.endswith(".cc"))

    def homes(self, pattern):
        return sum(re.search(pattern, text) is not None for text in self.files.values())

    def rows(self):
        sources = [text for name, text in self.files.items() if name.endswith(".cc")]
        headers = [text for name, text in self.files.items() if name.endswith(".h")]
        yield "files", str(len(self.files))
        yield "lines", str(sum(self.lines.values()))
        yield "lines of a file: median / p90 / most", spread(self.lines.values())
        yield "lines of a function: median / p90 / most", spread(size for size, _, _ in self.functions)
        most = max(self.classes)
        yield "methods of a class, most", f"{most[0]} ({most[2]})"
        yield "comment lines, .cc", f"{comment_share(sources):.1f} %"
        yield "comment lines, .h", f"{comment_share(headers):.1f} %"
        for folder in [*MIN_COMMENTS, "tls_tunnel"]:
            if any(name.startswith(folder + "/") for name in self.files):
                yield f"comment lines, .cc of {folder}", f"{self.comments(folder):.1f} %"
        for folder in FOLDERS + ROOMS:
            if any(name.startswith(folder + "/") for name in self.files):
                yield f"levels of parts, {folder}", str(levels(self.files, folder))

    def faults(self):
        for name, lines in self.lines.items():
            if lines > MAX_FILE:
                yield f"{name}: {lines} lines, at most {MAX_FILE}: one idea a file"
        for count, name, title in self.classes:
            limit = LARGE.get(title, MAX_METHODS)
            if count > limit:
                yield f"{name}: {title} has {count} methods, at most {limit}: its fields draw the walls"
        for size, name, header in self.functions:
            if size > MAX_FUNCTION:
                yield f"{name}: {header}: {size} lines, at most {MAX_FUNCTION}"
        for folder, limit in MAX_LEVELS.items():
            if (found := levels(self.files, folder)) > limit:
                yield f"{folder}: {found} levels of parts, at most {limit}: does a header need all that it includes?"
        for folder, least in MIN_COMMENTS.items():
            if any(name.startswith(folder + "/") for name in self.files) and (share := self.comments(folder)) < least:
                yield f"{folder}: {share:.1f} % of comments, at least {least}: say why where order or time matters"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def page(before, after, commit):
    old, new = dict(before.rows()), dict(after.rows())
    yield "# The house in numbers"
    yield ""
    yield "Made by `tests/tidy/house_table.py --write`, which also says what is counted and how. The test `tidy.house` keeps these limits: no file above "
    yield f"{MAX_FILE} lines, no class above {MAX_METHODS} methods (two of the tunnel's pool excepted), no function above {MAX_FUNCTION} lines, a bound on the levels of "
    yield "parts, and a least share of comments where order and time matter. \"Before\" is commit " + f"{commit}."
    yield ""
    yield "A part is a header with its source; levels are the longest chain of parts in which each includes the next. A program with more rooms has more "
    yield "levels in all and fewer in each room: to change one you read its own levels, and the headers of the rooms before it."
    yield ""
    yield from table(["", "before", "now"], [[key, old.get(key, "-"), value] for key, value in new.items()])
    yield "## Homes per idea"
    yield ""
    yield "The number of files that contain it: an idea with one home is changed in one place. Where more than one is left, there is a reason. subprocess.cc makes"
    yield "a child and ask_child.cc asks it; a look into another namespace and the doctor's checks, which report as they go, are not questions with one answer."
    yield "efs-log-writer has an epoll of its own: how long it lives depends on how many descriptors had something to say. The doctor's sentence about a CA bundle says what to install."
    yield ""
    yield from table(["idea", "before", "now"], [[idea.replace("<", "&lt;"), str(before.homes(pattern)), str(after.homes(pattern))] for idea, pattern in IDEAS])
    yield "## Files per folder"
    yield ""
    was, now = before.folders(), after.folders()
    yield from table(["folder", "before", "now"],
                     [[folder, str(was[folder] or "-"), str(now[folder] or "-")] for folder in sorted(set(was) | set(now))])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", nargs="?", const="cd1aded", metavar="COMMIT")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    arguments = parser.parse_args()
    house = House(from_tree(arguments.root))
    if arguments.write:
        text = "\n".join(page(House(from_commit(arguments.write)), house, arguments.write)).rstrip() + "\n"
        (ROOT / PAGE).write_text(text)
    faults = list(house.faults())
    print("\n".join(faults) if faults else f"{len(house.files)} files, {len(house.classes)} classes, {len(house.functions)} functions keep the limits")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
