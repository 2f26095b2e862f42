#!/usr/bin/env bash
# Runs in the place: brings the world up, runs every case of cases/ (or of the folders in $EFS_CASE_FOLDER)
# in a fresh client, and leaves for each a folder in $EFS_RESULTS with `verdict` (ok, failed, skipped),
# `seconds` and `log`. EFS_CASES="30-* 62-*" runs only these, EFS_CASE_MARK="# kernels: all" only those with
# such a line; EFS_SHOW=1 shows their logs as they grow. Ends with 0 if the world came up: the verdicts say
# the rest.
set -uo pipefail
# shellcheck source=tests/e2e/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

CASE_LIMIT=$(((180 + ${EFS_RANDOM_SECONDS:-0}) * ${EFS_TIME_SCALE:-1}))
RESULTS="${EFS_RESULTS:?the place sets it}"

# One tar behind the other: what is through stays safe when the guest hangs later.
send_results() {
  [[ "$EFS_PLACE" == guest ]] || return 0
  tar -C "$RESULTS" -cf - "$1" >/dev/virtio-ports/results
}

# Everything a reader of a failure wants to see.
aftermath() {
  printf '\n--- kernel\n'; on one cat /proc/self/mountinfo | grep nfs
  on one ss -tanp
  printf '\n--- processes\n'; on one ps -eo pid,ppid,stat,args
  printf '\n--- /run/efs\n'; on one find /run/efs
  printf '\n--- simulator\n'; tail -n 30 "$WORLD/simulator.log" "$WORLD/sim/refusals.log"
  # A server that died takes every later case along: say of what.
  printf '\n--- NFS servers\n'; pgrep -a ganesha.nfsd | grep -c ganesha.nfsd; tail -n 8 "$WORLD"/sim/ganesha-*.log
  dmesg | tail -n 20
}
product_logs() {
  local log
  for log in "$WORLD"/clients/one/log/*; do
    if [[ -s "$log" ]]; then printf '\n--- %s\n' "${log##*/}"; tail -n 100 "$log"; fi
  done
}

run_case() {
  local file=$1 name out status=0 started=$SECONDS verdict processes=own
  name="$(basename "$file" .sh)"
  out="$RESULTS/$name"
  mkdir -p "$out"
  if grep -q '^# client: processes of the place' "$file"; then processes=shared; fi
  client_up one "$CLIENT_ONE" "$processes"
  if [[ -n "${EFS_SHOW:-}" ]]; then : >"$out/log"; tail -f "$out/log" & fi
  on one timeout -k 5 "$CASE_LIMIT" bash "$file" >"$out/log" 2>&1 </dev/null || status=$?
  # A case that calls what is not there proves less than it says.
  if grep -q ': command not found' "$out/log"; then
    echo "FAILED: $(grep -m1 ': command not found' "$out/log")" >>"$out/log"
    status=1
  fi
  case $status in
    0) verdict=ok ;;
    77) verdict=skipped ;;
    124 | 137) verdict=failed; echo "FAILED: not finished after $CASE_LIMIT s" >>"$out/log" ;;
    *) verdict=failed ;;
  esac
  if [[ $verdict == failed ]]; then aftermath >>"$out/log" 2>&1; fi
  product_logs >>"$out/log" 2>&1
  if [[ -e "$WORLD/faulty" ]]; then
    rm "$WORLD/faulty"
    simulator_reset >>"$WORLD/reset.log" 2>&1
  fi
  client_down one
  echo "$verdict" >"$out/verdict"
  echo "$((SECONDS - started))" >"$out/seconds"
  printf '%-8s %s (%s s)\n' "$verdict" "$name" "$((SECONDS - started))"
  if [[ $verdict == failed ]]; then grep -m1 '^FAILED' "$out/log" | sed 's/^/         /'; fi
  send_results "$name"
}

read -r -a PATTERNS <<<"${EFS_CASES:-*}"
wanted() {
  local pattern
  [[ -z "${EFS_CASE_MARK:-}" ]] || grep -qxF -- "$EFS_CASE_MARK" "$1" || return 1
  for pattern in "${PATTERNS[@]}"; do
    # shellcheck disable=SC2053  # a pattern
    [[ "$(basename "$1" .sh)" == $pattern ]] && return 0
  done
  return 1
}

world_up
echo "world up after ${SECONDS} s, kernel $(uname -r)"
for folder in ${EFS_CASE_FOLDER:-cases}; do
  for file in "$E2E/$folder"/*.sh; do
    if wanted "$file"; then run_case "$file"; fi
  done
done
world_down
exit 0
