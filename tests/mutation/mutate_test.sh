#!/usr/bin/env bash
# mutate.py in a small tree: it knows a fault that the test notices from one that it does not, leaves the tree alone, and
# the same seed chooses the same faults.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/tree/lib"
cat >"$root/tree/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(small CXX)
enable_testing()
add_library(small STATIC lib/small.cc)
add_executable(unit_small test.cc)
target_link_libraries(unit_small small)
add_test(NAME unit.small COMMAND unit_small)
set_tests_properties(unit.small PROPERTIES LABELS unit)
CMAKE
cat >"$root/tree/lib/small.cc" <<'CODE'
// if (no) line of a comment is a fault; nor is "a < b" of a text.
int calls = 0;
void count(int by) { calls += by; }

int tested(int n) {
  count(1);
  if (n > 3) return 1;
  return 0;
}

int untested(int n) {
  if (n == 7) return 1;
  return 0;
}
CODE
cat >"$root/tree/test.cc" <<'CODE'
extern int calls;
int tested(int n);
int main() { return tested(3) == 0 && tested(4) == 1 && calls == 2 ? 0 : 1; }
CODE
cp -r "$root/tree" "$root/before"
mutate() { python3 "$here/mutate.py" --root "$root/tree" --work "$root/mutants" --folders lib none --count 99 --limit 20 "$@"; }
says() { grep -qF -- "$1" <<<"$out" || { echo "expected '$1', got: $out"; exit 1; }; }

out=$(mutate --seed 1 --list)
says 'seed 1: 99 of 5 faults, folders lib none'
says 'no folder none: passed over'
says '+  if (!(n > 3)) return 1;'
says '+  if (n >= 3) return 1;'
says '+  if (n != 7) return 1;'
says '+  ;'
[[ $out == "$(mutate --seed 1 --list)" ]] || { echo "seed 1 chose other faults"; exit 1; }
[[ $out != "$(mutate --seed 2 --list)" ]] || { echo "seed 2 chose the same order"; exit 1; }

if out=$(mutate --seed 1); then echo "survivors, and exit code 0: $out"; exit 1; fi
says '3 of 5 faults noticed'
says '3 by unit.small'
[[ $(grep -c '^survived: .*lib/small.cc:12' <<<"$out") -eq 2 ]] || { echo "not the two survivors: $out"; exit 1; }
diff -r "$root/tree" "$root/before"
diff -r "$root/mutants/source" "$root/before"
number=$(sed -n 's/^survived: fault \([0-9]*\) .*/\1/p' <<<"$out" | head -n 1)
if out=$(mutate --seed 1 --only "$number"); then echo "no survivor when alone: $out"; exit 1; fi
says '0 of 1 faults noticed'
echo "faults are found, noticed and repeated"
