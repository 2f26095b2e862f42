#!/usr/bin/env bash
# tests/soak.sh N [--load] [--preset P] [CTEST ARGUMENT...]
# Runs all integration tests (or those that the arguments of ctest select) N times and prints how often each of them
# failed: a test that needs luck is found here and repaired, not repeated. Build before. Ends with 1 if anything failed.
#   --load     beside it the processors are kept busy: stress-ng where it is installed, else loops of the shell;
#              EFS_TIME_SCALE, which stretches the tests' upper limits, is then 3 unless it is set
#   --preset   whose build is taken (dev)
# EFS_SOAK_LIMIT: seconds for one run (3600). EFS_SOAK_DIR: where the logs go (build/<preset>/soak).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'soak: %s\n' "$*" >&2; exit 2; }

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || die "usage: tests/soak.sh N [--load] [--preset P] [CTEST ARGUMENT...]"
RUNS=$1
shift
LOAD=
PRESET=dev
while [[ ${1:-} == --load || ${1:-} == --preset ]]; do
  if [[ $1 == --load ]]; then
    LOAD=yes
  else
    PRESET=${2:?name of a preset}
    shift
  fi
  shift
done
(($#)) || set -- -L integration

BUILD=build/$PRESET
LOGS=${EFS_SOAK_DIR:-$BUILD/soak}
LIMIT=${EFS_SOAK_LIMIT:-3600}
JOBS=$(nproc)
[[ -f $BUILD/CTestTestfile.cmake ]] || die "nothing is built in $BUILD"
mkdir -p "$LOGS"
rm -f "$LOGS"/run-*.log

FAILURES=0
STARTED_HERE=()
stop_all() {
  local pid
  for pid in "${STARTED_HERE[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${STARTED_HERE[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# One busy process more than there are processors; each ends by itself should this script be killed.
start_load() {
  local i seconds=$((RUNS * LIMIT))
  if command -v stress-ng >/dev/null; then
    stress-ng --quiet --cpu "$JOBS" --io 1 --timeout "${seconds}s" &
    STARTED_HERE+=($!)
    return
  fi
  for ((i = 0; i <= JOBS; ++i)); do
    timeout "$seconds" bash -c 'while :; do :; done' &
    STARTED_HERE+=($!)
  done
}

# The names of the tests of a log whose lines match a pattern.
names() { sed -nE "s/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: ([^ ]+) .*$1.*/\1/p" "$2"; }

if [[ -n $LOAD ]]; then
  export EFS_TIME_SCALE=${EFS_TIME_SCALE:-3}
  start_load
fi
printf '%-5s %-9s %-8s %s\n' run seconds load failed
for ((run = 1; run <= RUNS; ++run)); do
  log=$LOGS/run-$run.log
  began=$SECONDS
  status=0
  timeout "$LIMIT" ctest --test-dir "$BUILD" -j "$JOBS" --output-on-failure --no-tests=error "$@" >"$log" 2>&1 || status=$?
  failed=$(names '(\*\*\*|Failed|Timeout)' "$log" | paste -sd ' ')
  if ((status != 0)); then
    failed=${failed:-"ctest ended with $status"}
    FAILURES=$((FAILURES + 1))
  fi
  printf '%-5s %-9s %-8s %s\n' "$run" $((SECONDS - began)) "$(cut -d' ' -f1 /proc/loadavg)" "${failed:--}"
done

printf '\n%-52s %5s %7s\n' test runs failed
for log in "$LOGS"/run-*.log; do names '' "$log" | sed 's/^/ran /'; names '(\*\*\*|Failed|Timeout)' "$log" | sed 's/^/failed /'; done |
  awk '{ count[$1, $2]++; tests[$2] }
       END { for (test in tests) printf "%-52s %5d %7d\n", test, count["ran", test], count["failed", test] }' | sort
((FAILURES == 0)) || { printf '%d of %d runs failed; their logs are in %s\n' "$FAILURES" "$RUNS" "$LOGS"; exit 1; }
printf 'no run of %d failed\n' "$RUNS"
