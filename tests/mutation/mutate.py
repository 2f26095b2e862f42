#!/usr/bin/env python3
"""What are the tests worth? Puts one-line faults into the code, one at a time, and counts which tests notice.

    tests/mutation/mutate.py [--folders FOLDER ...] [--count 10] [--seed N]

The seed chooses the faults: the same seed, folders and code give the same ones again (--only K: the K-th alone). Work goes
on in a copy of the tree below --work; yours is never touched. A fault that does not compile is passed over. For each
other the unit test of its own folder runs first; then, as long as nothing notices, the other unit tests whose programs
hold the line and the integration tests that are near. The first failure is its end. At the end: how many were noticed, by whom, and the survivors.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where decisions and effects are. A folder that is not there (any more, or yet) is passed over.
FOLDERS = ["watchdog/judge", "watchdog/act", "watchdog/repair", "mount_helper/carry_out", "tls_tunnel", "common/identity"]
# Path of the fault -> the integration tests that are near to it; --all takes every one.
NEAR = [
    ("watchdog/", r"integration\.watchdog_"),
    ("mount_helper/", r"integration\.(mount_helper_|location|logs_mount)"),
    ("tls_tunnel/", r"integration\.(tunnel_|logs$)"),
    ("common/identity/", r"integration\.(certificate_vectors|sigv4|simulator\.certificate|mount_helper_identity|watchdog_renewal)"),
    ("common/aws/", r"integration\.(credential|endpoint_faults|sigv4|simulator\.credentials|location)"),
    ("common/net/", r"integration\.(tunnel_network|location|watchdog_supervision)"),
    ("", r"integration\."),
]


def say(text):
    print(text, flush=True)


def sources_of(root):
    """Files that git knows or would add; all of them where there is no git."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True)
    if done.returncode == 0:
        return [name for name in done.stdout.decode().split("\0") if name and (root / name).is_file()]
    return [path.relative_to(root).as_posix() for path in root.rglob("*")
            if path.is_file() and path.parts[len(root.parts)] != "build"]


class Tree:
    """The copy, its build and its tests."""

    def __init__(self, root, work, jobs):
        self.copy, self.build, self.jobs = work / "source", work / "build", str(jobs)
        names = set(sources_of(root))
        for old in [path for path in self.copy.rglob("*") if path.is_file()]:
            if old.relative_to(self.copy).as_posix() not in names:
                old.unlink()
        for name in names:
            source, target = root / name, self.copy / name
            # A fault that an interrupted run left has another content.
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def command(self, *argv, limit=None):
        """Exit code and output; a command that takes longer than `limit` seconds has failed. Nothing of it is left."""
        with subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", start_new_session=True) as process:
            try:
                text, _ = process.communicate(timeout=limit)
                return process.returncode, text
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return -1, f"not ended after {limit} s"

    def configure(self):
        code, text = self.command("cmake", "-G", "Ninja", "-S", self.copy, "-B", self.build, "-DCMAKE_BUILD_TYPE=Debug",
                                  "-DEFS_WERROR=OFF")
        if code != 0:
            sys.exit(text)
        _, text = self.command("ninja", "-C", self.build, "-t", "targets", "all")
        self.executables = [line.split(": ")[0] for line in text.splitlines() if "EXECUTABLE_LINKER" in line]
        _, text = self.command("ctest", "--test-dir", self.build, "--show-only=json-v1")
        programs = {}  # ctest itself tells the program of a test only once it is built
        for path in self.build.rglob("CTestTestfile.cmake"):
            for name, program in re.findall(r'^add_test\((?:\[=*\[)?([^\s\]]+)(?:\]=*\])? "([^"]+)"', path.read_text(), re.M):
                programs[name] = os.path.relpath(program, self.build)
        self.tests = []  # (name, labels, executable)
        for test in json.loads(text[text.index("{"):])["tests"]:
            labels = [word for p in test.get("properties", []) if p["name"] == "LABELS" for word in p["value"]]
            self.tests.append((test["name"], labels, programs.get(test["name"], "")))
        self.inputs = {}

    def holds(self, executable, file):
        if executable not in self.inputs:
            _, text = self.command("ninja", "-C", self.build, "-t", "inputs", executable)
            self.inputs[executable] = set(text.split("\n"))
        return str(self.copy / file) in self.inputs[executable]

    def stages(self, file, labels, every, without):
        """[(executables to build, tests to run)] for a fault in that file: its own unit test, the others that hold it,
        the simulation, the integration tests that are near; as far as `labels` names the kinds, and without some."""
        found = []
        if "unit" in labels:
            parts = file.split("/")
            own = "unit." + (parts[1] if parts[0] == "common" else parts[0])
            held = [(name, program) for name, kinds, program in self.tests
                    if "unit" in kinds and not re.search(without, name) and program in self.executables and
                    self.holds(program, file)]
            for stage in ([t for t in held if t[0] == own], [t for t in held if t[0] != own]):
                found.append(([program for _, program in stage], [name for name, _ in stage]))
        programs = [e for e in self.executables if not re.match(r"(unit|fuzz|simulation)_", os.path.basename(e))]
        if "simulation" in labels:
            played = [(name, program) for name, kinds, program in self.tests
                      if "simulation" in kinds and program in self.executables and self.holds(program, file)]
            if played:
                found.append(([program for _, program in played], [name for name, _ in played]))
        if "integration" in labels and any(self.holds(e, file) for e in programs):
            near = "" if every else next(words for prefix, words in NEAR if file.startswith(prefix))
            found.append((programs, [name for name, kinds, _ in self.tests
                                     if "integration" in kinds and re.match(near, name) and
                                     not re.search(without, name)]))
        return found

    def compile(self, programs, limit):
        return self.command("cmake", "--build", self.build, "-j", self.jobs, "--target", *programs, limit=limit)

    def failing(self, tests, limit, first_only=True):
        """Names of the tests that fail."""
        if not tests:
            return []
        pattern = "^(" + "|".join(map(re.escape, tests)) + ")$"
        stop = ["--stop-on-failure"] if first_only else []
        _, text = self.command("ctest", "--test-dir", self.build, "-j", self.jobs, "--timeout", limit, "-R", pattern, *stop)
        failed = re.findall(r"Test +#\d+: (\S+) \.*\**(?:\**)?(?:Failed|Timeout|Exception|Not Run|SEGFAULT|\*+\w+)", text)
        if not failed and not re.search(r"100% tests passed", text):
            sys.exit(f"ctest says:\n{text[-3000:]}")
        return failed


class Run:
    def __init__(self, options):
        self.options = options
        self.tree = Tree(options.root.resolve(), options.work.resolve(), options.jobs)
        self.tree.configure()
        self.unfit = {}  # tests of a stage -> those that fail without a fault

    def candidates(self):
        found = []
        for folder in self.options.folders:
            top = self.tree.copy / folder
            if not top.is_dir():
                say(f"no folder {folder}: passed over")
                continue
            for path in sorted(top.rglob("*.cc")):
                if path.name != "main.cc":
                    found += mutants.of_text(path.relative_to(self.tree.copy).as_posix(), path.read_text())
        return found

    def fit(self, programs, tests):
        """Those of the tests that pass without a fault; the code has none now."""
        key = tuple(tests)
        if key not in self.unfit:
            code, text = self.tree.compile(programs, self.options.build_limit)
            if code != 0:
                sys.exit(f"the code without a fault does not build:\n{text[-3000:]}")
            self.unfit[key] = self.tree.failing(tests, self.options.limit, first_only=False)
            for test in self.unfit[key]:
                say(f"{test} fails without a fault: left out")
        return [test for test in tests if test not in self.unfit[key]]

    def judge(self, mutant):
        """None: it does not build. Else the name of the test that noticed it, or ""."""
        path = self.tree.copy / mutant.file
        text = path.read_text()
        chosen = self.options
        for programs, tests in self.tree.stages(mutant.file, chosen.labels, chosen.all, chosen.without):
            tests = self.fit(programs, tests) if tests else []
            if not tests:
                continue
            path.write_text(mutant.apply(text))
            try:
                code, _ = self.tree.compile(programs, self.options.build_limit)
                if code != 0:
                    return None
                failed = self.tree.failing(tests, self.options.limit)
                # Once more: on a busy machine a test may fail by itself.
                if failed and self.tree.failing(failed[:1], self.options.limit):
                    return failed[0]
            finally:
                path.write_text(text)
        return ""

    def all(self):
        found = self.candidates()
        random.Random(self.options.seed).shuffle(found)
        say(f"seed {self.options.seed}: {self.options.count} of {len(found)} faults, folders {' '.join(self.options.folders)}")
        survivors, killers, number, tried = [], {}, 0, 0
        for mutant in found:
            if number >= self.options.count:
                break
            tried += 1
            if self.options.only and tried not in self.options.only:
                continue
            diff = mutant.diff((self.tree.copy / mutant.file).read_text())
            say(f"\n--- fault {tried}: {mutant.kind}, {mutant.file}:{mutant.line}\n{diff}")
            if self.options.list:
                number += 1
                continue
            noticed = self.judge(mutant)
            if noticed is None:
                say("    does not build, passed over")
                continue
            number += 1
            if noticed:
                killers[noticed] = killers.get(noticed, 0) + 1
                say(f"    noticed by {noticed}")
            else:
                survivors.append((tried, mutant))
                say("    SURVIVED")
            if self.options.only and tried >= max(self.options.only):
                break
        if self.options.list:
            return 0
        say(f"\n{number - len(survivors)} of {number} faults noticed")
        for name, count in sorted(killers.items(), key=lambda entry: -entry[1]):
            say(f"  {count:3} by {name}")
        for tried, mutant in survivors:
            say(f"survived: fault {tried} of seed {self.options.seed}: {mutant.kind}, {mutant.file}:{mutant.line}: "
                f"{mutant.after.strip()}")
        return 1 if survivors else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folders", nargs="+", default=FOLDERS, help="where faults are put (default: %(default)s)")
    parser.add_argument("--count", type=int, default=10, help="faults that build")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", type=int, nargs="+", metavar="K", help="the K-th faults of this seed alone")
    parser.add_argument("--list", action="store_true", help="show the faults, build nothing")
    parser.add_argument("--labels", nargs="+", default=["unit", "simulation", "integration"],
                        choices=["unit", "simulation", "integration"],
                        help="kinds of tests")
    parser.add_argument("--all", action="store_true", help="every integration test, not only those that are near")
    parser.add_argument("--without", default="a^", metavar="REGEX", help="tests to leave out")
    parser.add_argument("--limit", type=int, default=120, metavar="SECONDS", help="for each test")
    parser.add_argument("--build-limit", type=int, default=3600, metavar="SECONDS", help="for each build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/mutation", help="copy and build")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    options = parser.parse_args()
    return Run(options).all()


if __name__ == "__main__":
    sys.exit(main())
