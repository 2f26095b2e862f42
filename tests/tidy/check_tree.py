#!/usr/bin/env python3
"""The rules of the house as a test: layers, banned calls, sizes. Usage: check_tree.py [--root DIR]

Prints one line per violation, `file:line: rule: what to do instead`, and exits 1 if there is any.
"""
import argparse
import pathlib
import re
import sys

# Call or word -> what to use instead. Product code and tests alike unless a folder is named.
BANNED = [
    (re.compile(r"\b(system|popen)\s*\("), "start programs with efs::Subprocess"),
    (re.compile(r"(?<![\w.>:])(?:::)?close\s*\("), "own descriptors with efs::UniqueFd"),
    (re.compile(r"\bstrerror\s*\("), "use efs::errnoText"),
    (re.compile(r"(?<![\w:])s?rand\s*\("), "take randomness as an argument (<random>)"),
    (re.compile(r"\bstd::random_device\b"), "use efs::RandomSource: arc4random is newer than glibc 2.34"),
    (re.compile(r"(?<!\w)::(open_tree|move_mount|fsopen|fsconfig|fsmount)\s*\("), "by number (mount_calls.h): newer than glibc 2.34"),
    (re.compile(r"\bstd::regex\b"), "std::regex can overflow the stack on hostile input"),
    (re.compile(r"\b(strcpy|strcat|sprintf|gets)\s*\("), "use std::string or fmt"),
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "do it now, or say it in an issue"),
]
# Files that implement the replacement may use what it replaces.
BANNED_EXCEPTIONS = {
    ("close", "common/base/unique_fd.cc"),
    ("close", "common/base/subprocess.cc"),  # between fork and exec no object may run
}
# Header prefix -> folders that may include it: the library that wraps it, and tests.
THIRD_PARTY = {
    "openssl/": ["common/crypto/", "tls_tunnel/tls/"],
    "curl/": ["common/http/"],
    "libmount": ["common/mounts/"],
    "ini.h": ["common/settings/"],
    "ares": ["common/net/"],
    "nlohmann/": ["common/state/", "common/aws/", "common/tunnel_control/", "efsctl/"],
}
# Rooms of a program that are libraries with layers of their own. Headers are named with their room:
# "request/device.h".
ROOMS = {"request": "mount_helper", "facts": "mount_helper", "plan": "mount_helper", "trial": "mount_helper",
         "judge": "watchdog"}
# Room -> all that it may include of ours: what describes and computes. Who reads a plan knows that making
# it touched nothing.
PURE = {
    "judge": {"efs/base/clock.h", "efs/base/seen.h", "efs/settings/settings.h", "judge/decide.h", "judge/ladder.h", "judge/policy.h"},
    "plan": {
        "efs/base/clock.h", "efs/base/nfs_port.h", "efs/base/result.h", "efs/base/text.h", "efs/base/version.h",
        "efs/identity/certificate_request.h", "efs/mounts/mount_options.h", "efs/mounts/nfs_request.h",
        "efs/net/address.h", "efs/settings/settings.h", "efs/state/mount_paths.h", "efs/state/mount_state.h",
        "efs/tunnel_control/tunnel_command.h", "efs/tunnel_control/tunnel_config.h",
        "facts/mount_facts.h", "request/mount_request.h", "plan/direct_plan.h", "plan/mount_plan.h"},
}
PROGRAMS = ["log_writer", "mount_helper", "tls_tunnel", "watchdog", "efsctl"]
MAX_LINES = {"tests/": 800, "": 400}
SOURCE = {".cc", ".h"}
OURS = ["common", "log_writer", "mount_helper", "tls_tunnel", "watchdog", "efsctl", "tests"]


def sources(root):
    for folder in OURS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCE and path.is_file():
                yield path, path.relative_to(root).as_posix()


def layers(root):
    """The table of cmake/Layers.cmake: library -> layer."""
    table, names = {}, []
    for line in (root / "cmake/Layers.cmake").read_text().splitlines():
        if m := re.match(r"\s*foreach\(lib ([\w ]+)\)", line):
            names = m.group(1).split()
        elif m := re.match(r"\s*set\(EFS_LAYER_\$\{lib\} (\d+)\)", line):
            table.update({name: int(m.group(1)) for name in names})
        elif m := re.match(r"set\(EFS_LAYER_(\w+) (\d+)\)", line):
            table[m.group(1)] = int(m.group(2))
    return table


def library_of(name):
    parts = name.split("/")
    if parts[0] == "common":
        return parts[1]
    if parts[0] == "tls_tunnel" and parts[1] in ("io", "tls"):
        return parts[1]
    if parts[0] == "tests":
        return "tests"
    if ROOMS.get(parts[1]) == parts[0]:
        return parts[1]
    return parts[0]


def folders_of_programs(files):
    """Folder -> the program it is in: headers beside sources are named with their folder."""
    parts = [name.split("/") for _, name, _ in files]
    return {path[1]: path[0] for path in parts if path[0] in PROGRAMS and len(path) > 2 and path[1] != "include"}


def library_of_header(header, folders):
    """None for what is not ours, or lies in the includer's own folder."""
    parts = header.split("/")
    if parts[0] == "efs":
        return parts[1]
    if parts[0] in ROOMS:
        return parts[0]
    return folders.get(parts[0]) if len(parts) > 1 else None


def without_comments_and_strings(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'//[^\n]*|/\*.*?\*/|R"\w*\(.*?\)\w*"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def check_includes(name, text, table, folders):
    own = library_of(name)
    for number, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not m:
            continue
        header = m.group(1)
        if other := library_of_header(header, folders):
            if own in PURE and header not in PURE[own]:
                yield number, f"pure: {own} must not include {header}: it describes and computes, and does nothing"
            if own == "tests" or other == own:
                continue
            if other in PROGRAMS and own in PROGRAMS:
                yield number, f"layer: program {own} includes program {other}; they meet only in files and sockets"
            elif table.get(other, 99) >= table.get(own, 99):
                yield number, f"layer: {own} must not include {other} (same or higher layer)"
            continue
        for prefix, owners in THIRD_PARTY.items():
            if header.startswith(prefix) and own != "tests" and not any(name.startswith(f) for f in owners):
                yield number, f"third party: {header} belongs to {', '.join(owners)}"


def check_banned(name, text):
    code = without_comments_and_strings(text)
    for number, (line, raw) in enumerate(zip(code.splitlines(), text.splitlines()), 1):
        for pattern, instead in BANNED:
            # Notes to self hide in comments, calls do not.
            m = pattern.search(raw if "TODO" in pattern.pattern else line)
            if m and not any(word in m.group(0) and name == file for word, file in BANNED_EXCEPTIONS):
                yield number, f"banned: {m.group(0).strip()}: {instead}"


# The names by which the kinds of file systems differ stand in one header; whoever writes one out serves only one kind.
KINDS = "common/base/include/efs/base/file_system_kind.h"
OF_A_KIND = re.compile(r"elasticfilesystem|\.(?:efs|s3files)\.|\bs3files-utils")


def check_kinds(name, text):
    if name.startswith("tests/") or name == KINDS:
        return
    for number, line in enumerate(re.sub(r"//[^\n]*", "", text).splitlines(), 1):
        for literal in re.findall(r'"(?:\\.|[^"\\])*"', line):
            if m := OF_A_KIND.search(literal):
                yield number, f"kind: {m.group(0)} is a name of one kind of file systems: ask {KINDS.split('include/')[1]}"


def check_size(name, text):
    limit = next(size for prefix, size in MAX_LINES.items() if name.startswith(prefix))
    lines = text.count("\n")
    if lines > limit:
        yield lines, f"size: {lines} lines, the limit is {limit}; split it by idea"


def check_function_size(name, text, limit=70):
    """Functions as clang-format lays them out: body between a line ending in `{` and `}` at its indent."""
    code = without_comments_and_strings(text).splitlines()
    start = None
    for number, line in enumerate(code, 1):
        if start is None and re.match(r"^( {0,2})[\w:<>~&*,\[\] ]+.*\)[\w ]*\{$", line) \
                and not re.match(r"^\s*(namespace|class|struct|enum|if|for|while|switch|else)\b", line):
            start = (number, len(line) - len(line.lstrip()))
        elif start and re.match(r"^ {%d}\}" % start[1], line):
            if number - start[0] > limit:
                yield start[0], f"size: function of {number - start[0]} lines, the limit is {limit}"
            start = None


def check_cycles(files):
    headers = {}
    for path, name, text in files:
        if path.suffix == ".h":
            headers[name.split("/include/")[-1]] = (name, re.findall(r'#\s*include\s*"([^"]+)"', text))

    def resolve(name, header):
        beside = [f"{name.rsplit('/', 1)[0]}/{header}", f"{name.split('/')[0]}/{header}"]
        return next((one for one in [header, *beside] if one in headers), header)
    graph = {key: [resolve(name, header) for header in included] for key, (name, included) in headers.items()}
    state = {}

    def visit(header, chain):
        if state.get(header) == "done":
            return
        if header in chain:
            yield f"include cycle: {' -> '.join(chain[chain.index(header):] + [header])}"
            return
        for other in graph.get(header, []):
            yield from visit(other, chain + [header])
        state[header] = "done"

    for header in graph:
        yield from visit(header, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    root = parser.parse_args().root
    table = layers(root)
    files = [(path, name, path.read_text()) for path, name in sources(root)]
    folders = folders_of_programs(files)
    problems = [problem for problem in check_cycles(files)]
    for path, name, text in files:
        for check in (check_banned, check_kinds, check_size, check_function_size):
            problems += [f"{name}:{line}: {what}" for line, what in check(name, text)]
        problems += [f"{name}:{line}: {what}" for line, what in check_includes(name, text, table, folders)]
        if path.suffix == ".h" and "#pragma once" not in text:
            problems.append(f"{name}:1: header: #pragma once is missing")
    print("\n".join(problems) or f"{len(files)} files keep the rules")
    if not files:
        print("no source files found: wrong --root?")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
