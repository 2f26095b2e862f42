#!/usr/bin/env bash
# The identifier's lock is held for 55 s and the server stays silent, so the remount of a hung mount comes to
# nothing; the next one is killed in the middle. Meanwhile the watchdog never waits for that server: another
# mount's tunnel is replaced; nothing half made is seen, published or left, and then the mount goes on.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
efs_setting remount_after_sec 20
mount_efs tls "$FS:/" /mnt/efs
mount_efs tls "$FS_SEPARATE:/" /mnt/other
echo chosen-here >"$IDENTIFIER"
identifier_is() { [[ "$(cat "$IDENTIFIER")" == "$1" ]]; }
port="$(mount_port /mnt/efs)"
watchdog="$(watchdogs)"
load_start /mnt/efs buffered

# What the watchdog itself does, again and again; its children may wait.
: >"$LOAD/states"
watch_watchdog() {
  while :; do
    awk '{print $3}' "/proc/$watchdog/stat"
    sleep 0.2
  done >>"$LOAD/states" 2>/dev/null
}
watch_watchdog &
observer=$!
jobs_of_watchdog() { pgrep -P "$watchdog" -x amazon-efs-moun; }
no_jobs() { [[ -z "$(jobs_of_watchdog)" ]]; }
our_two_mounts() { [[ "$(our_mounts | wc -l)" -eq 2 && "$(mount_port /mnt/efs)" == "$port" ]]; }
published() { find "$STATE" -maxdepth 1 -name 'fs-*' ! -name '*+' | wc -l; }

silent_through_two_remounts() {
  local began first second
  began="$(now)"
  exec 9>"$STATE/client-identifier.lock"
  flock 9
  fault target "$FS" "${REGION}a" blackhole
  eventually 90 noticed_after "$began" "mounting /mnt/efs again" 9>&- || fail "no remount: $(tail -n 5 "$EVENTS")"
  first="$(now)"
  note "another tunnel is killed while the remount waits for the lock"
  other="$(tunnel_of /mnt/other)"
  kill -KILL "$other"
  eventually 20 tunnel_is_new /mnt/other "$other" 9>&- || fail "the other tunnel is not replaced"
  until [[ $(($(now) - first)) -ge 50000 ]]; do sleep 0.2 9>&-; done
  exec 9>&-
  eventually 100 noticed_after "$first" "cannot be mounted again" || fail "the first remount does not end: $(tail -n 5 "$EVENTS")"
  our_two_mounts || fail "something else is mounted: $(our_mounts)"
  note "the next one is killed while it waits for the server"
  second="$(now)"
  eventually 200 noticed_after "$second" "mounting /mnt/efs again" || fail "no second remount: $(tail -n 5 "$EVENTS")"
  eventually 20 name_is_ours || fail "the second remount does not begin: $(cat "$IDENTIFIER")"
  # shellcheck disable=SC2046  # words
  kill -KILL $(jobs_of_watchdog)
  eventually 20 noticed_after "$second" "cannot be mounted again" || fail "nobody notices its death: $(tail -n 5 "$EVENTS")"
  eventually 10 identifier_is chosen-here || fail "the identifier stays $(cat "$IDENTIFIER")"
  our_two_mounts || fail "something else is mounted: $(our_mounts)"
  note "another tunnel is killed again"
  other="$(tunnel_of /mnt/other)"
  kill -KILL "$other"
  eventually 20 tunnel_is_new /mnt/other "$other" || fail "the other tunnel is not replaced"
  equal "published state files" "$(published)" 2
  fault target "$FS" "${REGION}a" ok
}
name_is_ours() { [[ "$(cat "$IDENTIFIER")" == efsmount-* ]]; }
PATIENCE=120
measure "remounts that fail: lock held, server silent, maker killed" "mounting /mnt/efs again" silent_through_two_remounts
kill "$observer"
! grep -q D "$LOAD/states" || fail "the watchdog waited for a server: $(sort "$LOAD/states" | uniq -c)"
equal "the watchdog" "$(watchdogs | tr '\n' ' ')" "$watchdog "
echo x >/mnt/other/still || fail "the other mount suffered"
load_stop
unmount /mnt/other
unmount /mnt/efs
all_cleared
