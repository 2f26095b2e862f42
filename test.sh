#!/usr/bin/env bash
# ./test.sh          builds everything and runs every test but the parts faults and tsan; ends with ctest's summary.
# ./test.sh PART...  runs parts: unit integration asan tsan e2e faults systemd format tidy arm64 builds
# On a bare Debian 12, as root. EFS_TIME_SCALE=5 stretches the time limits on a busy machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/testbed/lib.sh
. tests/testbed/lib.sh

JOBS="$(nproc)"
STARTED=$EPOCHREALTIME
step() { printf '\n=== %s (after %s)\n' "$*" "$(seconds_since "$STARTED")"; }

build() {
  step "build $1"
  efs_packages build
  # EFS_UNITY=ON: in batches of files, for who builds once and changes nothing (.ci/run).
  timeout 3600 cmake --preset "$1" ${EFS_UNITY:+"-DEFS_UNITY=$EFS_UNITY"} >"$SOURCE/build/$1.configure.log" 2>&1 ||
    { cat "$SOURCE/build/$1.configure.log"; return 1; }
  timeout 3600 cmake --build "build/$1" -j "$JOBS"
}

# What is released, for the tests of packages: the slowest part of them, and alone.
build_released() {
  step "build the released programs"
  timeout 3600 packaging/build.sh programs
}

# The release before, for the tests of mixed versions. Without the history they are skipped.
FORMER_RELEASE=cd1aded
build_former() {
  step "build the programs of $FORMER_RELEASE"
  local folder=build/former
  if ! git cat-file -e "$FORMER_RELEASE^{commit}" 2>/dev/null; then
    say "this copy has no history: the tests of mixed versions are skipped"
    return 0
  fi
  efs_packages former
  mkdir -p "$folder/source"
  git archive "$FORMER_RELEASE" | tar -x -C "$folder/source"
  timeout 600 cmake -G Ninja -S "$folder/source" -B "$folder" -DCMAKE_BUILD_TYPE=Debug >"$folder.configure.log" 2>&1 ||
    { cat "$folder.configure.log"; return 1; }
  timeout 3600 cmake --build "$folder" -j "$JOBS" --target mount.efs efs-proxy amazon-efs-mount-watchdog efsctl
}

# run_tests PRESET [CTEST ARGUMENT...]
run_tests() {
  local preset=$1
  shift
  step "tests of build/$preset $*"
  machine_progress "build/$preset" &
  local progress=$! status=0
  # Most tests wait most of the time: two for each processor. The machines run alone (RUN_SERIAL).
  timeout 5400 ctest --test-dir "build/$preset" -j "$((2 * JOBS))" --output-on-failure --no-tests=error "$@" ||
    status=$?
  kill "$progress" 2>/dev/null || true
  wait "$progress" 2>/dev/null || true
  return $status
}

# The machines of the end-to-end tests are one long test each for ctest: their cases are told as they end.
machine_progress() {
  local folder line
  trap 'kill $(jobs -p) 2>/dev/null' EXIT
  for folder in e2e faults faults-6.12 faults-5.10 systemd; do
    mkdir -p "$1/$folder"
    tail -q -n 0 -F "$1/$folder/console.log" 2>/dev/null | while IFS= read -r line; do
      case $line in
        ok\ * | failed\ * | skipped\ * | boot\ * | @@\ guest*) printf '    %s: %s\n' "$folder" "$line" ;;
      esac
    done &
  done
  wait
}

check_format() {
  step "format"
  efs_packages lint
  local -a cpp shell
  mapfile -t cpp < <(git ls-files '*.cc' '*.h')
  mapfile -t shell < <({ git ls-files "*.sh"; git grep -lE "^#!.*(bash|/bin/sh)$" -- ':!*.md'; } | sort -u)
  [[ ${#cpp[@]} -eq 0 ]] || clang-format --dry-run -Werror "${cpp[@]}"
  shellcheck -x "${shell[@]}"
  say "${#cpp[@]} C++ files and ${#shell[@]} scripts are in order"
}

# Only the programs and their libraries. In batches of files (EFS_UNITY): what all include is read once for each.
check_tidy() {
  step "clang-tidy"
  efs_packages build lint
  local log=build/tidy.log
  timeout 600 cmake --preset tidy >"$log" 2>&1 || { cat "$log"; return 1; }
  if ! timeout 3600 run-clang-tidy -quiet -j "$JOBS" -p build/tidy -checks=-bugprone-suspicious-include >"$log" 2>&1; then
    grep -E 'error:|warning:' -A 4 "$log" | head -100
    die "clang-tidy complains; all of it is in $log"
  fi
  say "clang-tidy has no complaint"
}

# The packages for arm64, as far as programs of that machine can be run on this one.
check_arm64() {
  efs_foreign_packages arm64
  step "build the released programs for arm64"
  timeout 3600 packaging/build.sh programs --arch arm64
  build dev
  run_tests dev -L arm64
}

run_part() {
  case $1 in
    unit) build dev; run_tests dev -L 'unit|fuzz' ;;
    integration) build dev; efs_packages test peer; build_released; run_tests dev -L integration ;;
    asan) build asan; efs_packages test peer; run_tests asan -L 'unit|fuzz|integration' ;;
    tsan) build tsan; efs_packages test peer; run_tests tsan -L 'unit|fuzz|integration' ;;
    e2e) build dev; efs_packages test machine; run_tests dev -L e2e ;;
    faults) build dev; efs_packages test peer machine; build_former; run_tests dev -L faults ;;
    systemd) build dev; efs_packages test machine image; run_tests dev -L systemd ;;
    arm64) check_arm64 ;;
    builds) build asan; build_released ;;
    format) check_format ;;
    tidy) check_tidy ;;
    *) die "no part is called '$1'; ./test.sh --help names them" ;;
  esac
}

case "${1:-}" in
  -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
esac
mkdir -p build
if [[ $# -gt 0 ]]; then
  for part in "$@"; do run_part "$part"; done
  exit 0
fi
step "packages"
efs_packages build test peer machine image
build dev
# A guest leaves most of one processor idle: what the other tests need is built beside it, as far as it lets them.
readonly BESIDE="$SOURCE/build/beside.log"
nice -n 19 ./test.sh builds >"$BESIDE" 2>&1 &
BUILDS=$!
trap 'pkill -P "$BUILDS"' EXIT
EFS_MACHINE_AHEAD=run run_tests dev -R '^e2e\.machine$' || say "told below, with all others"
step "build asan and the released programs"
wait "$BUILDS" || { cat "$BESIDE"; die "they cannot be built"; }
trap - EXIT
# One run, one summary: unit, integration and fuzz tests, the same under the sanitizers (test "asan"),
# the machines of the end-to-end tests and their cases. The fault matrix (part faults) and the same tests
# under ThreadSanitizer (part tsan) run by themselves.
EFS_MACHINE_AHEAD=ran run_tests dev -LE faults
