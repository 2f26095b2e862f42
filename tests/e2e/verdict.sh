#!/usr/bin/env bash
# verdict.sh RESULTS CASE: shows the log of one case and gives its verdict to ctest: 0, 1, or 77 for
# skipped. No verdict is a failure: the place ended before the case did.
set -u
folder="$1/$2"
if [[ -s "$1/no-kernel" ]]; then
  cat "$1/no-kernel"
  exit 77
fi
if [[ ! -s "$folder/verdict" ]]; then
  echo "no verdict: the place ended before this case was through; its last words:"
  tail -20 "$1/console.log" 2>/dev/null
  exit 1
fi
cat "$folder/log"
case "$(cat "$folder/verdict")" in
  ok) exit 0 ;;
  skipped) exit 77 ;;
  *) exit 1 ;;
esac
