#!/usr/bin/env bash
# client: processes of the place
# The own zone's mount target is gone, others are there (az_failover = auto). A mount moves within half a minute,
# with server state that is shared between targets and with separate state; one whose files are locked
# stays, because its locks would be lost, and goes on when its target is back. The kernel shows all locks
# only in the first pid namespace (watchdog/README.md), hence the second line.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

zone_gone() {
  local name
  for name in "$FS" "$FS_SEPARATE"; do
    fault target "$name" "${REGION}a" refuse
    fault target "$name" "${REGION}a" reset
  done
}
zone_back() {
  local name
  for name in "$FS" "$FS_SEPARATE"; do fault target "$name" "${REGION}a" ok; done
}
uses_zone_b() { grep -q '^connect_home' "$STATE/stunnel-config.$1."*; }

mount_efs tls "$FS:/" /mnt/shared
mount_efs tls "$FS_SEPARATE:/" /mnt/separate
mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/locked
mkdir -p /mnt/locked/w
load_start /mnt/shared buffered direct
shared=("${!STREAM[@]}")
load_start /mnt/separate buffered direct
# Beside the load: its lock outlives no server's lease, so it is not judged by load_stop.
io-witness run locked /mnt/locked/w/io-locked "$LOAD/locked-apart" >"$LOAD/locked-apart.end" 2>&1 </dev/null &
holder=$!
began="$(now)"
PATIENCE=150 measure "own mount target gone, another zone's there" "does not answer, using" zone_gone
uses_zone_b "$FS.mnt.shared" || fail "the mount with shared server state was not moved"
uses_zone_b "$FS_SEPARATE.mnt.separate" || fail "the mount with separate server state was not moved"
! uses_zone_b "$FS.mnt.locked" || fail "the mount with a locked file was moved"
note "shared state: $(longest_gap "$began" "${shared[@]}") (gap, again, errors)"
zone_back
moves_again() { [[ "$(tail -n 1 "$LOAD/locked-apart" | cut -d' ' -f1)" -gt "$back" ]]; }
back="$(now)"
eventually 60 moves_again || fail "the mount with a locked file does not go on"
kill "$holder"
eventually 30 has_ended "$holder" || fail "the locked stream does not end"
note "locked file, server out of reach for longer than its lease: $(cat "$LOAD/locked-apart.end")"
load_stop
for directory in /mnt/shared /mnt/separate /mnt/locked; do unmount "$directory"; done
all_cleared
