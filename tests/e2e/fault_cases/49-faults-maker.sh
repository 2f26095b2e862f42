#!/usr/bin/env bash
# Faults of the making of a mount, with I/O running on another one: mount.efs killed at each stage, and twenty
# mounts of one target at once. Nothing is left that harms, the next mount works, the other one notices nothing.
# Contract: FLOW-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

readonly IDENTIFIER_LOCK=$STATE/client-identifier.lock
readonly TARGET_LOCK=$STATE/mount-points.lock
readonly LEFT_BEHIND='Cleaned up the state of'

# The one that mount(8) started, not the child that it has for the kernel's calls.
helper() { pgrep -P "$MAKER" -x mount.efs; }
child() { pgrep -P "$(helper)" -x mount.efs; }
child_state() { sed 's/.*) //; s/ .*//' "/proc/$(child)/stat" 2>/dev/null; }
start_maker() {
  rm -f /var/log/amazon/efs/"$FS".mnt.made*
  setsid mount -t efs -o tls "$FS:/" /mnt/made >"$WORLD/said" 2>&1 </dev/null 8>&- 9>&- &
  MAKER=$!
}
preflight_done() { grep -qs "Connection 1 .* ended" /var/log/amazon/efs/"$FS".mnt.made*; }
in_the_kernel() { [[ "$(child_state)" == D ]]; }
volumes() { grep -c ' 7f000001 ' /proc/net/nfsfs/volumes; }
made_but_unseen() { [[ "$(volumes)" -eq 2 && "$(our_mounts | wc -l)" -eq 1 ]]; }
made_and_seen() { is_mounted /mnt/made; }
killed() {
  kill -KILL "$(helper)"
  wait "$MAKER" 2>/dev/null
}
only_the_other() {
  [[ "$(our_mounts | wc -l)" -eq 1 && "$(tunnels | wc -l)" -eq 1 && "$(our_ports | wc -l)" -eq 1 && "$(volumes)" -eq 1 ]]
}
next_one_works() {
  eventually 30 only_the_other ||
    fail "left behind: mounts [$(our_mounts)] tunnels [$(tunnels)] ports [$(our_ports)] $(cat /proc/net/nfsfs/volumes)"
  mount_efs tls "$FS:/" /mnt/made
  echo "$1" >/mnt/made/after || fail "the next mount does not work"
  unmount /mnt/made
  eventually 30 only_the_other || fail "not cleared after the next mount"
}

before_the_lock() {
  exec 9>"$IDENTIFIER_LOCK"
  flock 9
  start_maker
  eventually 30 preflight_done || fail "no pre-flight: $(cat "$WORLD/said")"
  killed
  exec 9>&-
  next_one_works before
}
in_the_mount() {
  exec 9>"$IDENTIFIER_LOCK"
  flock 9
  start_maker
  eventually 30 preflight_done || fail "no pre-flight: $(cat "$WORLD/said")"
  # The tunnel of this mount alone falls silent.
  kill -STOP "$(ss -Hltnp | grep efs-proxy | grep -v ":$(mount_port /mnt/efs) " | grep -o 'pid=[0-9]*' | cut -d= -f2 | head -1)"
  exec 9>&-
  eventually 30 in_the_kernel || fail "it does not wait in the kernel: $(cat "$WORLD/said")"
  killed
  next_one_works mount
}
before_attaching() {
  local holder
  io-witness run locked "$TARGET_LOCK" "$WORLD/holder" >/dev/null 2>&1 </dev/null 9>&- &
  holder=$!
  eventually 10 test -s "$WORLD/holder" || fail "the lock is not held"
  start_maker
  eventually 30 made_but_unseen || fail "no mount: $(cat "$WORLD/said" /proc/net/nfsfs/volumes)"
  killed
  kill "$holder"
  wait "$holder" 2>/dev/null
  next_one_works attach
}
after_attaching() {
  mkdir -p /run/mount
  exec 8>/run/mount/utab.lock
  flock 8
  start_maker
  eventually 30 made_and_seen || fail "no mount: $(cat "$WORLD/said")"
  killed
  exec 8>&-
  echo x >/mnt/made/file || fail "the mount does not work"
  eventually 30 published || fail "the watchdog did not take it over: $(state_files)"
  unmount /mnt/made
  next_one_works after
}
published() { [[ -e "$STATE/$FS.mnt.made.$(mount_port /mnt/made)" ]]; }
twenty_at_once() {
  local started=() n
  for ((n = 0; n < 20; n++)); do
    mount.efs "$FS:/" /mnt/made -o tls >"$WORLD/said.$n" 2>&1 </dev/null &
    started+=($!)
  done
  for n in "${started[@]}"; do wait "$n" || fail "one of them ended with $?: $(cat "$WORLD"/said.*)"; done
  equal "mounts" "$(our_mounts | grep -c ' /mnt/made ')" 1
  unmount /mnt/made
  next_one_works twenty
}

mkdir -p /mnt/made
service_start
mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs
PATIENCE=120
measure "kill -9 of mount.efs before its kernel mount" "$LEFT_BEHIND" before_the_lock
measure "kill -9 of mount.efs in its kernel mount" "$LEFT_BEHIND" in_the_mount
measure "kill -9 of mount.efs before its mount is attached" "$LEFT_BEHIND" before_attaching
measure "kill -9 of mount.efs after its mount is attached" 'its mount helper has not finished' after_attaching
measure "20 mounts of one target at once" "is already mounted" twenty_at_once
load_stop
unmount /mnt/efs
service_keeps_clean
