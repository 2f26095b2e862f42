# shellcheck shell=bash
# Hung mounts that are mounted again: their server is silent for longer than remount_after_sec. Sourced after
# faults.sh by the cases about /mnt/efs.
efs_setting remount_after_sec 20
OLD_PORT=""  # of the mount before it was mounted again
BEGAN=""     # when the server fell silent

mount_to_be_replaced() {
  mount_efs tls "$FS:/" /mnt/efs
  OLD_PORT="$(mount_port /mnt/efs)"
}

# silence SECONDS [WORDS]: the server says nothing until the watchdog says, within SECONDS, that it mounts again.
# Descriptor 9 may be a lock that others shall not hold on to.
silence() {
  BEGAN="$(now)"
  fault target "$FS" "${REGION}a" blackhole
  eventually "$1" noticed_after "$BEGAN" "mounting /mnt/efs again${2:-}" 9>&- ||
    fail "no remount: $(tail -n 5 "$EVENTS")"
}
answer() { fault target "$FS" "${REGION}a" ok; }
silent_until_remount() {
  silence 60 "; files that are open"
  answer
}

remounted() {
  local port
  port="$(mount_port /mnt/efs)"
  [[ -n "$port" && "$port" != "$OLD_PORT" ]]
}
remounted_and_writable() {
  eventually 60 remounted || fail "still the old mount: $(tail -n 5 "$EVENTS")"
  echo new >/mnt/efs/new
  equal "content on the server" "$(cat "$WORLD/data/$FS/new")" new
}

# An application that only looks, each second, and is killed when it hangs; its pid is WORKER.
stat_often() {
  while :; do
    timeout -s KILL 5 stat /mnt/efs/"$RANDOM" >/dev/null 2>&1
    sleep 1
  done &
  # shellcheck disable=SC2034  # used by whoever sources this
  WORKER=$!
}
# Descriptor 9 holds the lock that a remount takes last: with it, the remount stays behind its last decision.
hold_last_step() {
  exec 9>"$STATE/client-identifier.lock"
  flock 9
}
release_last_step() { exec 9>&-; }
