#!/usr/bin/env bash
# Whoever called mount.efs goes away in the middle (its stderr is a closed pipe), or asks it to stop:
# everything is undone. Contract: FLOW-2, EX-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
fault target "$FS" "${REGION}a" refuse
note "stderr without a reader, while retrying"
{ mount.efs "$FS:/" /mnt/efs -o tls 2>&1; echo $? >/run/status; } | true
equal "exit code" "$(cat /run/status)" 32
nothing_left 3

for signal in TERM INT HUP; do
  note "SIG$signal while retrying"
  efs_setting retry_nfs_mount_command_count 20
  mount.efs "$FS:/" /mnt/efs -o tls >/dev/null 2>/run/stderr &
  helper=$!
  eventually 20 grep -q "Mount attempt 1/20" /run/stderr || fail "it does not retry"
  kill -"$signal" "$helper"
  wait "$helper"
  status=$?
  [[ $status -ne 0 && $status -lt 128 ]] || fail "ended with $status"
  grep -q "interrupted by signal" /run/stderr || fail "it does not say why: $(cat /run/stderr)"
  nothing_left 3
done
