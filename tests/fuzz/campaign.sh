#!/bin/bash
# Searches with libFuzzer: campaign.sh MINUTES [TARGET ...] (without targets: all of them).
#
# Builds the preset "fuzz", then runs two targets at a time with the lowest priority, MINUTES each, from the corpora of
# tests/data/corpus. Prints executions and result of each target; exit code 1 if one found something. What was found and
# the corpora that grew stay in build/fuzz/campaign/<target>; a finding becomes a file of tests/data/corpus/<target>
# together with the fix.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/testbed/lib.sh
. tests/testbed/lib.sh

if [[ $# -lt 1 || ! $1 =~ ^[0-9]+$ ]]; then
  echo "usage: $0 MINUTES [TARGET ...]" >&2
  exit 2
fi
seconds=$(($1 * 60))
shift
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  mapfile -t targets < <(basename -a tests/fuzz/*_fuzz.cc | sed 's/_fuzz\.cc$//')
fi

efs_packages build fuzz
cmake --preset fuzz >/dev/null
nice -n 19 ninja -C build/fuzz -j2 "${targets[@]/#/fuzz_}"

# The time-out is long because the lowest priority may mean no processor at all for a while.
search() {
  local target=$1
  local work=$PWD/build/fuzz/campaign/$target
  mkdir -p "$work/corpus"
  local code=0
  nice -n 19 "build/fuzz/bin/fuzz_$target" "$work/corpus" "tests/data/corpus/$target" "-artifact_prefix=$work/" \
    "-max_total_time=$seconds" -rss_limit_mb=2048 -timeout=300 -print_final_stats=1 \
    >"$work/log" 2>&1 </dev/null || code=$?
  local executions
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
  local verdict=clean
  [[ $code -eq 0 ]] || verdict="FOUND, see build/fuzz/campaign/$target/log"
  printf '%-24s %12s executions, %s\n' "$target" "${executions:-?}" "$verdict"
  return "$code"
}

found=0
running=0
for target in "${targets[@]}"; do
  if [[ $running -eq 2 ]]; then
    wait -n || found=1
    running=$((running - 1))
  fi
  search "$target" &
  running=$((running + 1))
done
while [[ $running -gt 0 ]]; do
  wait -n || found=1
  running=$((running - 1))
done
exit "$found"
