#!/usr/bin/env bash
# Faults at random with I/O running, for EFS_RANDOM_SECONDS (60): one schedule for each EFS_SEED (1; "random"
# draws one), which is printed, so that a schedule that fails can be run again. Afterwards all is as if nothing
# had been.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

SEED=${EFS_SEED:-1}
[[ $SEED != random ]] || SEED=$((RANDOM * 32768 + RANDOM))
readonly SEED SECONDS_OF_FAULTS=${EFS_RANDOM_SECONDS:-60}
# Not bash's own generator: it differs between versions. Numerical Recipes, the upper half.
STATE_OF_CHANCE=$SEED
# chance N: sets CHANCE to 0 ... N-1. No subshell: the state would be lost.
chance() {
  STATE_OF_CHANCE=$(((STATE_OF_CHANCE * 1664525 + 1013904223) % 4294967296))
  CHANCE=$(((STATE_OF_CHANCE >> 16) % $1))
}
target_a() { fault target "$FS" "${REGION}a" "$@"; }
signal_tunnel() {
  local pid
  pid="$(tunnel_of /mnt/efs)"
  [[ -z "$pid" ]] || kill "-$1" "$pid" 2>/dev/null
}
signal_watchdog() {
  local pid
  for pid in $(watchdogs); do kill "-$1" "$pid" 2>/dev/null; done
}

# Each fault lasts $1 tenths of a second where it lasts; nominal time, the same on every machine.
lasting() { sleep "$(($1 / 10)).$(($1 % 10))"; }
fault_tunnel_killed() { signal_tunnel KILL; }
fault_tunnel_stopped() { signal_tunnel STOP; lasting "$1"; signal_tunnel CONT; }
fault_tunnel_ended() { signal_tunnel TERM; }
fault_watchdog_killed() { signal_watchdog KILL; }
fault_watchdog_stopped() { signal_watchdog STOP; lasting "$1"; signal_watchdog CONT; }
fault_both_killed() { signal_watchdog KILL; signal_tunnel KILL; }
fault_reset() { target_a reset; }
fault_silent() { target_a blackhole; lasting "$1"; target_a ok; }
fault_refused() { target_a refuse; target_a reset; lasting "$1"; target_a ok; }
fault_slow() { target_a delay 150; lasting "$1"; target_a ok; }
fault_handshakes_stall() { fault tls handshake-stall on; target_a reset; lasting "$1"; fault tls handshake-stall off; }
fault_wrong_certificate() { fault cert wrong-name; target_a reset; lasting "$1"; fault cert ok; }
fault_dns_down() { fault dns down; target_a reset; lasting "$1"; fault dns ok; }
fault_dns_fails() { fault dns servfail; target_a reset; lasting "$1"; fault dns ok; }
fault_target_moves() { target_a move "$TARGET_SPARE"; target_a reset; lasting "$1"; target_a move "$TARGET_A"; target_a reset; }
fault_state_deleted() { rm -f "$STATE_FILE"; }
fault_state_corrupt() { echo '{' >"$STATE_FILE"; }
fault_certificate_deleted() { rm -f "$STATE_FILE+/certificate.pem"; }
fault_config_broken() { cp "$CONFIG" "$WORLD/config"; echo '[' >"$CONFIG"; lasting "$1"; cp "$WORLD/config" "$CONFIG"; }
readonly CONFIG=/etc/amazon/efs/efs-utils.conf
readonly FAULTS=(tunnel_killed tunnel_stopped tunnel_ended watchdog_killed watchdog_stopped both_killed reset silent
  refused slow handshakes_stall wrong_certificate dns_down dns_fails target_moves state_deleted state_corrupt
  certificate_deleted config_broken)

# Faults with pauses of up to 2 s; every third time none, so that one meets the recovery from another.
schedule() {
  local spent=0 name length pause
  while [[ $spent -lt $((SECONDS_OF_FAULTS * 10)) ]]; do
    chance ${#FAULTS[@]}; name=${FAULTS[CHANCE]}
    chance 40; length=$((CHANCE + 1))
    chance 30; pause=$((CHANCE < 10 ? 0 : CHANCE - 10))
    note "$(now) $name ($length tenths), then $pause"
    "fault_$name" "$length"
    lasting "$pause"
    spent=$((spent + length + pause))
    COUNT=$((COUNT + 1))
  done
}

note "EFS_SEED=$SEED EFS_RANDOM_SECONDS=$SECONDS_OF_FAULTS"
service_start
mount_efs tls "$FS:/" /mnt/efs
STATE_FILE="$(state_file /mnt/efs)"
load_start /mnt/efs
COUNT=0
PATIENCE=120 measure "random schedule, $SECONDS_OF_FAULTS s, seed $SEED" "" schedule
note "$COUNT faults"
lock_held /mnt/efs
load_stop
unmount /mnt/efs
service_keeps_clean
