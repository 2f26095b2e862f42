#!/usr/bin/env bash
# The measure of the house must itself be able to fail: each tree below breaks one limit, the first none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/common/base"

lines() { printf "$1%.0s" $(seq "$2"); }
expect() {  # expect CONTENT TEXT: the measure reports TEXT
  printf '%b' "$1" > "$root/common/base/bad.h"
  if out=$(python3 "$here/house_table.py" --root "$root"); then echo "not reported: $2"; exit 1; fi
  grep -qF "$2" <<< "$out" || { echo "expected '$2', got: $out"; exit 1; }
  rm "$root/common/base/bad.h"
}

printf 'class A {\n public:\n  A();\n  int f() const { return 1; }\n  std::function<void()> g;\n};\n' > "$root/common/base/good.h"
python3 "$here/house_table.py" --root "$root" | grep -qx '1 files, 1 classes, 1 functions keep the limits'

expect "$(lines 'int a;\n' 401)\n" 'bad.h: 401 lines, at most 400'
expect "class B {\n$(lines '  int f(int a);\n' 26)};\n" 'bad.h: B has 26 methods, at most 25'
expect "void f() {\n$(lines '  g();\n' 60)}\n" 'bad.h: void f(): 61 lines, at most 60'

# A chain of 16 parts, and a room without a word.
for i in $(seq 16); do printf '#include "p%d.h"\n' "$((i + 1))" > "$root/common/base/p$i.h"; done
expect '' 'common: 16 levels of parts, at most 15'
rm "$root"/common/base/p*.h
mkdir -p "$root/watchdog/act"
printf '// One line in twelve.\n%b' "$(lines 'f();\n' 11)" > "$root/watchdog/act/good.cc"
python3 "$here/house_table.py" --root "$root" > /dev/null
printf '%b' "$(lines 'f();\n' 12)" > "$root/watchdog/act/good.cc"
expect '' 'watchdog/act: 0.0 % of comments, at least 7'
echo "every limit can fail"
