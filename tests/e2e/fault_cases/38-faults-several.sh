#!/usr/bin/env bash
# Faults with I/O over five connections to one mount target: the tunnel killed, ended and stopped, one connection
# cut, all cut, the server silent, slow, another partition after each. Buffered, direct and locked writes and fio
# with verification: nothing fails, nothing is lost, the lock stays. Contract: TUN-12, WD-6, TUN-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/several.sh
. "$E2E/several.sh"

target_a() { fault target "$FS" "${REGION}a" "$@"; }
silent_for() {
  target_a blackhole
  sleep "$1"
  # In one: who binds between two commands lands where the others cannot follow.
  target_a ok "ready=$PARTITION"
}
signal_tunnel() { kill "-$1" "$(tunnel_of /mnt/efs)"; }
# over_five NAME PATTERN COMMAND...: measure, once five connections carry calls; who connects then lands on the other
# partition. A connection that is cut with nothing unanswered just leaves, so its place is to be had where it was.
over_five() {
  five_again
  [[ "$*" == *" cut" ]] || elsewhere
  measure "$@"
}

several_mount
verify_start
load_start /mnt/efs
for round in 1 2; do
  over_five "five connections: one cut ($round)" "" target_a cut
  over_five "five connections: all reset ($round)" "$TUNNEL_NOTICES" target_a reset
  over_five "five connections: kill -9 of the tunnel ($round)" "$TUNNEL_ENDED" signal_tunnel KILL
  over_five "five connections: tunnel ended ($round)" "" signal_tunnel TERM
done
over_five "five connections: tunnel stopped (SIGSTOP)" "hangs" signal_tunnel STOP
over_five "five connections: server silent for 3 s" "" silent_for 3
over_five "five connections: server silent for 20 s" "hangs" silent_for 20
five_again
equal "partitions in use" "$(several_partitions)" 1
lock_held /mnt/efs
load_stop
verify_stop
unmount /mnt/efs
all_cleared
