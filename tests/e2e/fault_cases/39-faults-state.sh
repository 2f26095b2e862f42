#!/usr/bin/env bash
# Faults of files with I/O running: state file truncated, corrupt, deleted, its directory emptied and full,
# configuration broken. After each one the tunnel is killed, too: the watchdog still knows what to start. Contract: WD-9, WD-10, ST-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

readonly CONFIG=/etc/amazon/efs/efs-utils.conf
state_is_whole() { grep -q "\"pid\": *$(tunnel_of /mnt/efs)" "$STATE_FILE"; }
tunnel_replaced() {
  local old
  old="$(tunnel_of /mnt/efs)"
  kill -KILL "$old"
  eventually 20 tunnel_is_new /mnt/efs "$old" || fail "no new tunnel: $(tail -n 5 "$EVENTS")"
}
and_tunnel_killed() {
  "$@"
  sleep 0.5
  tunnel_replaced
  eventually 20 state_is_whole || fail "the state file is not whole again: $(cat "$STATE_FILE")"
}
truncated() { : >"$STATE_FILE"; }
corrupt() { printf '{"pid": 1, \xff\x00' >"$STATE_FILE"; }
deleted() { rm "$STATE_FILE"; }
emptied() { find "$STATE" -mindepth 1 -delete; }
watchdog_is_one() { [[ "$(watchdogs | wc -l)" -eq 1 && "$(cat "$STATE/watchdog.lock")" == "$(watchdogs)" ]]; }
full() {
  dd if=/dev/zero of="$STATE/filler" bs=64k status=none 2>/dev/null
  dd if=/dev/zero of="$STATE/filler2" bs=1k status=none 2>/dev/null
  tunnel_replaced
  sleep 1
  rm "$STATE/filler" "$STATE/filler2"
}
broken_config() {
  cp "$CONFIG" "$WORLD/config"
  printf '[mount\nthis is = not = a config\n' >"$CONFIG"
  sleep 1
  tunnel_replaced
  cp "$WORLD/config" "$CONFIG"
}
mkdir -p "$STATE"
mount -t tmpfs -o size=1m,mode=750 state "$STATE"
mount_efs tls "$FS:/" /mnt/efs
STATE_FILE="$(state_file /mnt/efs)"
load_start /mnt/efs
measure "state file truncated, tunnel killed" "Unable to parse json" and_tunnel_killed truncated
measure "state file corrupt, tunnel killed" "Unable to parse json" and_tunnel_killed corrupt
measure "state file deleted, tunnel killed" "state file is gone, writing it again" and_tunnel_killed deleted
measure "state directory emptied, tunnel killed" "somebody deleted" and_tunnel_killed emptied
eventually 5 watchdog_is_one || fail "watchdogs: $(watchdogs), owner: $(cat "$STATE/watchdog.lock")"
measure "state directory full, tunnel killed" "No space left on device" full
measure "configuration broken, tunnel killed" "configuration not taken over" broken_config
lock_held /mnt/efs
load_stop
unmount /mnt/efs
all_cleared
