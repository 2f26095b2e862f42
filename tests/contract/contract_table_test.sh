#!/usr/bin/env bash
# The table of the contract must itself be able to fail: each broken tree below has to be reported.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
table=(python3 "$here/contract_table.py" --root "$root")

# tree TESTS-OF-AB-1 NOT-YET-LINES: one MUST, one FIX, one MAY, one section.
tree() {
  rm -rf "${root:?}"/*
  mkdir -p "$root"/{docs,tests/contract,tests/unit/lib,tests/e2e/cases}
  printf 'id,mark,title\nAB-1,MUST,one\nAB-2,FIX,two\nAB-3,MAY,three\nsection 12,MUST,four\n' >"$root/tests/contract/ids.csv"
  printf 'id,reason\n%b' "$2" >"$root/tests/contract/not_yet.csv"
  printf '%b' "$1" >"$root/tests/unit/lib/a_test.cc"
  printf '# Contract: AB-2, contract section 12.3\n' >"$root/tests/e2e/cases/10-a.sh"
}
expect() {  # expect TEXT: --check fails and says so
  if out=$("${table[@]}" --check); then echo "not reported: $1"; exit 1; fi
  grep -qF -- "$1" <<<"$out" || { echo "expected '$1', got: $out"; exit 1; }
}

good='// AB-1\nTEST(Suite, Name) {}\n'
tree "$good" ''
expect 'docs/contract.md is not up to date'
"${table[@]}" --write
"${table[@]}" --check >/dev/null
grep -qF 'unit/lib/a_test.cc  Suite.Name' <<<"$("${table[@]}")" || { echo "the test's name is not found"; exit 1; }

tree 'TEST(Suite, Name) {}\n' ''
expect 'AB-1 (MUST): no test names it'
tree '// AB-1, RFC 8881 section 12\n' ''
rm "$root/tests/e2e/cases/10-a.sh"
expect 'AB-2 (FIX): no test names it'
expect 'section 12 (MUST): no test names it'
tree "$good" 'AB-1,later\n'
expect 'not_yet.csv: AB-1 has a test now'
tree "$good" 'AB-9,later\n'
expect 'not_yet.csv: AB-9 is no id of the contract'
tree 'TEST(Suite, Name) {}\n' 'AB-1,\n'
expect 'not_yet.csv: AB-1 has no reason'
tree "$good// AB-7\n" ''
expect 'AB-7 is no id of the contract'
tree '// AB-1..3\n' ''
"${table[@]}" --write
"${table[@]}" --check >/dev/null

# --write takes out of the list what has a test.
tree "$good" 'AB-1,later\n'
"${table[@]}" --write
"${table[@]}" --check >/dev/null
echo "the table reports what it should"
