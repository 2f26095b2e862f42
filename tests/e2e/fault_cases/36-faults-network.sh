#!/usr/bin/env bash
# Faults of the network and the server with I/O running: connections reset, the server silent for 20 s
# and back, the mount target's address changed, DNS down while a connection is made. Contract: TUN-9,
# TUN-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

target_a() { fault target "$FS" "${REGION}a" "$@"; }
silent_for() {
  target_a blackhole
  sleep "$1"
  target_a ok
}
moved() {
  target_a move "$TARGET_SPARE"
  target_a reset
}
dns_down() {
  fault dns down
  target_a reset
  sleep 5
  fault dns ok
}
connected_to_spare() { ss -Htn state established dst "$TARGET_SPARE:2049" | grep -q .; }

mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
load_start /mnt/efs
measure "server reset" "$TUNNEL_NOTICES" target_a reset
measure "server silent for 3 s" "" silent_for 3
measure "server silent for 20 s" "hangs" silent_for 20
measure "mount target's address changed" "$TUNNEL_NOTICES" moved
connected_to_spare || fail "no connection to the new address"
measure "DNS down for 5 s, connection reset" "$TUNNEL_NOTICES" dns_down
equal "tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
target_a move "$TARGET_A"
target_a reset
lock_held /mnt/efs
load_stop
unmount /mnt/efs
all_cleared
