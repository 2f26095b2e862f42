#!/usr/bin/env bash
# The log's file system frozen with I/O running: data flows, a tunnel that dies is replaced, mounts and
# unmounts go through; what was said meanwhile is in the logs afterwards, or how many lines are missing.
# A stranger who locks every log changes nothing either. Contract: section 19, WD-6, TUN-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

LOGS=/var/log/amazon/efs
STRANGER=""
thaw() { fsfreeze -u "$LOGS" 2>/dev/null; }
# Whatever happens: nobody could end what waits for a frozen disk.
trap thaw EXIT

# still WHAT COMMAND...: must be true while the disk is frozen.
still() { eventually 30 "${@:2}" || fail "log frozen: $1"; }
frozen() {
  local old
  old="$(tunnel_of /mnt/efs)"
  fsfreeze -f "$LOGS" || fail "cannot freeze $LOGS"
  kill -KILL "$old"
  still "the tunnel is not replaced" tunnel_is_new /mnt/efs "$old"
  still "no data flows" load_moves_after "$(now)"
  mount_efs tls "$FS:/" /mnt/other
  unmount /mnt/other
  old="$(tunnel_of /mnt/efs)"
  kill -TERM "$old"
  still "a tunnel does not end" has_ended "$old"
  still "the tunnel is not replaced again" tunnel_is_new /mnt/efs "$old"
  still "no data flows" load_moves_after "$(now)"
  thaw
}
locked() {
  local log
  for log in "$LOGS"/*; do
    chmod 644 "$log"  # as an older release left it
    setpriv --reuid=65534 --clear-groups flock "$log" sleep 300 &
    STRANGER+=" $!"
  done
  kill_tunnel /mnt/efs
}

modprobe loop 2>/dev/null  # without udev nothing else makes /dev/loop-control
truncate -s 32M "$WORLD/log.img"
mkfs.ext4 -q "$WORLD/log.img"
mkdir -p "$LOGS"
succeed mount -o loop,noatime "$WORLD/log.img" "$LOGS"
efs_setting logging_max_bytes 2000

mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs buffered direct locked
measure "log file system frozen, tunnel killed" "$TUNNEL_ENDED" frozen
measure "logs locked by another user, tunnel killed" "$TUNNEL_ENDED" locked
# shellcheck disable=SC2086  # several pids
kill $STRANGER
lock_held /mnt/efs
load_stop
unmount /mnt/efs
all_cleared
