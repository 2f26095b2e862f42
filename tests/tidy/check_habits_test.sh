#!/usr/bin/env bash
# check_habits.py and check_references.py must themselves be able to fail: each bad file below has to be reported, and
# a good tree not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{cmake,common/base/include/efs/base,common/net,watchdog,docs/contract,config} \
  "$root"/tests/{unit/base,integration/lib,contract,support/python/efs_test}

put() { printf '%b' "$2" >"$root/$1"; }  # put FILE CONTENT
good_tree() {
  put common/base/CMakeLists.txt 'efs_library(base\n  SOURCES\n    a.cc)  # b.cc\nefs_program(x base)\n'
  put common/base/a.cc '#include "efs/base/a.h"\nint usedFunction() { return kUsed; }\n'
  put common/base/main.cc 'int main() { return usedFunction(); }\n'
  put common/base/include/efs/base/a.h 'inline constexpr int kUsed = 1;\nint usedFunction();  // ST-1, contract section 13\n'
  # shellcheck disable=SC2016  # CMake's variables
  put tests/unit/base/CMakeLists.txt 'foreach(name a b)\n  add_executable(${name} ${name}_test.cc)\nendforeach()\n'
  put tests/unit/base/a_test.cc 'auto t = std::chrono::system_clock::from_time_t(1);  // SystemClock\n'
  put tests/unit/base/b_test.cc 'const test_support::RealClock clock("a child");\n'
  put tests/integration/lib/CMakeLists.txt 'efs_python_test(one one_test.py)\n'
  put tests/integration/lib/one_test.py 'SCRIPT = "time.sleep(1)"\n'
  put tests/support/python/efs_test/waiting.py 'import time\ntime.sleep(1)\n'
  put tests/contract/ids.csv 'id,mark,title\nST-1,MUST,one\nsection 13,MUST,two\n'
  put docs/contract/README.md '# The contract\n\n## 13. State\n\n- **ST-1** MUST. One.\n\n## 25. Defects\n\n- **25.9** FIX. Nine.\n'
  put README.md '[contract](docs/contract/README.md#13-state), tests/contract/ids.csv, RFC 8881 section 99\n'
}
check() { python3 "$here/$1" --root "$root"; }

expect() {  # expect CHECKER FILE CONTENT TEXT: the checker reports TEXT for FILE
  local out
  put "$2" "$3"
  if out=$(check "$1"); then echo "not reported: $2 ($4)"; exit 1; fi
  grep -qF -- "$4" <<<"$out" || { echo "expected '$4', got: $out"; exit 1; }
  [[ $(wc -l <<<"$out") -eq 1 ]] || { echo "one fault in $2, reported: $out"; exit 1; }
  rm "$root/$2"
  good_tree
}

good_tree
check check_habits.py >/dev/null
check check_references.py >/dev/null

habits() { expect check_habits.py "$@"; }
habits tests/unit/base/a_test.cc 'const SystemClock clock;\n' 'clock: SystemClock'
habits tests/unit/base/a_test.cc 'auto t = std::chrono::steady_clock::now();\n' 'clock: steady_clock::now'
habits tests/unit/base/a_test.cc 'auto t = time(nullptr);\n' 'clock: time(nullptr)'
habits tests/unit/base/b_test.cc 'void f() { ::usleep(5); }\n' 'clock: usleep('
habits common/base/a.cc 'int usedFunction() { std::thread([] {}).detach(); return kUsed; }\n' 'a.cc:1: thread: std::thread'
habits common/base/a.cc 'int usedFunction() { (void)std::async([] {}); return kUsed; }\n' 'a.cc:1: thread: std::async'
habits tests/integration/lib/one_test.py 'import time\ntime.sleep(1)\n' 'one_test.py:2: sleep:'
habits tests/integration/lib/one_test.py 'from time import sleep\nsleep(1)\n' 'one_test.py:2: sleep:'
habits tests/integration/lib/one_test.py 'self.assertLess(time.monotonic() - began, 2)\n' 'one_test.py:1: luck: a busy machine'
habits tests/integration/lib/one_test.py 'self.assertIn("x", tunnel.log())\n' 'one_test.py:1: luck: the log'
habits tests/integration/lib/one_test.py 'self.assertIn("x", read(LOG))\n' 'one_test.py:1: luck: the log'
habits common/base/b.cc 'int b;\n' 'common/base/b.cc:1: unlisted'
habits tests/unit/base/c_test.cc 'int c;\n' 'tests/unit/base/c_test.cc:1: unlisted'
habits tests/integration/lib/two_test.py 'x = 1\n' 'two_test.py:1: unlisted'
habits watchdog/a.h 'int neverDefined(int x);\n' 'dead: neverDefined is declared and never used'
habits watchdog/a.h 'inline constexpr int kNobody = 1;\n' 'dead: kNobody is declared and never used'
habits watchdog/a.h 'struct Lonely {\n  int x;\n};\n' 'dead: Lonely is declared and never used'
put watchdog/CMakeLists.txt 'efs_library(w SOURCES w.cc)\n'
put watchdog/w.cc 'int W::never() const { return 1; }\n'
habits watchdog/a.h 'int never() const;\n' 'dead: never is declared, defined and never used'

references() { expect check_references.py "$@"; }
references common/net/a.cc '// ST-2\n' 'common/net/a.cc:1: reference: ST-2 is no id'
references common/net/a.cc '// (contract section 99)\n' 'docs/contract has no section 99'
references common/net/a.cc '// As the contract\n// section 99 says.\nint a;  // contract 13\n' 'no section 99'
references common/net/a.cc '// contract 25 item 8\n' 'docs/contract has no section 25.8'
references common/net/a.cc '// contract 25.10\n' 'docs/contract has no section 25.10'
references common/net/a.cc '// (design.md, "Life")\n' 'design.md is no page of this repository'
references common/net/a.cc '// see tests/none/a_test.cc\n' 'there is no tests/none/a_test.cc'
references docs/a.md '[x](nowhere.md)\n' 'the link to nowhere.md leads nowhere'
references docs/a.md '[x](contract/README.md#14-state)\n' 'no heading for #14-state'
# shellcheck disable=SC2016  # the page's own marks
references docs/a.md 'held by `tests/integration/lib/one_test.py::test_gone`\n' 'one_test.py has no test test_gone'
references tests/contract/ids.csv 'id,mark,title\nST-1,MUST,one\nST-3,MUST,x\n' 'ST-3 of tests/contract/ids.csv is in no page'
references tests/contract/ids.csv 'id,mark,title\n' 'ST-1 of docs/contract has no row'
echo "every habit and reference can fail"
