#!/usr/bin/env bash
# tsan_reports.sh clear|check FOLDER: empties the folder of ThreadSanitizer's findings, or fails with what is in it.
set -euo pipefail
step=$1 folder=$2
if [[ $step == clear ]]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  chmod 1777 "$folder"  # for programs of any user
  exit 0
fi
found=0
while IFS= read -r report; do
  found=$((found + 1))
  printf -- '--- %s\n' "$report"
  head -c 20000 "$report"
done < <(find "$folder" -type f | sort | head -20)
[[ $found -eq 0 ]] || { echo "ThreadSanitizer has complaints; all of them are in $folder"; exit 1; }
