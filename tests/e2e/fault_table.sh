#!/usr/bin/env bash
# fault_table.sh [--write] [FOLDER...]: the measurements of the fault cases (lines "@@ fault", faults.sh) as a
# table in Markdown. FOLDERs are what `./test.sh faults e2e` left (build/dev/faults and build/dev/e2e). --write puts it into docs/faults.md,
# between its marks; else it is printed.
set -euo pipefail
DOCUMENT="$(dirname "${BASH_SOURCE[0]}")/../../docs/faults.md"

table() {
  echo '| fault | lasts | noticed after | I/O goes on after | longest pause of an application | errors it saw | first line in the log |'
  echo '|---|---|---|---|---|---|---|'
  # Names of mounts and processes differ each time and say nothing here.
  find "$@" -mindepth 2 -name log -print0 | sort -z | xargs -0 sed -n 's/^@@ fault\t//p' | sed -E 's/fs-[0-9a-f]{17}[^ :]*/<mount>/g; s/\|/\\|/g' |
    awk -F'\t' '
      function seconds(ms) {return ms == "-" ? "" : sprintf("%.1f s", ms / 1000)}
      {
        gap = $5 < 1000 ? "none" : seconds($5)
        again = $5 < 1000 ? "" : seconds($4)
        line = $7 == "-" ? "" : "`" substr($7, 1, 110) "`"
        printf "| %s | %s | %s | %s | %s | %s | %s |\n", $1, $2 < 300 ? "" : seconds($2), seconds($3), again, gap, $6, line
      }'
}

write=0
if [[ "${1:-}" == --write ]]; then write=1; shift; fi
built="$(dirname "${BASH_SOURCE[0]}")/../../build/dev"
if [[ $# -eq 0 ]]; then set -- "$built/faults" "$built/e2e"; fi
if [[ $write -eq 0 ]]; then table "$@"; exit; fi
table "$@" >"$DOCUMENT.table"
awk -v table="$DOCUMENT.table" '
  /<!-- end of table -->/ {skip = 0}
  !skip {print}
  /<!-- table/ {while ((getline line <table) > 0) print line; skip = 1}' "$DOCUMENT" >"$DOCUMENT.new"
rm "$DOCUMENT.table"
mv "$DOCUMENT.new" "$DOCUMENT"
