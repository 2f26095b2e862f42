#!/usr/bin/env bash
# While a hung mount is about to be mounted again an administrator takes it away and mounts something else
# at its place: that stays, and nothing of ours is left there.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

efs_setting remount_after_sec 20
mount_efs tls "$FS:/" /mnt/efs
follow_logs
exec 7>/mnt/efs/open
# A client that waits for the server is hung.
stat_often() { while :; do timeout -s KILL 5 stat /mnt/efs/"$RANDOM" >/dev/null 2>&1; sleep 1; done; }
stat_often &
worker=$!
# Whoever holds this lock holds the remount behind its last decision.
exec 9>"$STATE/client-identifier.lock"
flock 9
began="$(now)"
fault target "$FS" "${REGION}a" blackhole
eventually 90 noticed_after "$began" "mounting /mnt/efs again" 9>&- || fail "no remount: $(tail -n 5 "$EVENTS")"
kill "$worker"
umount -i -l /mnt/efs || fail "the administrator cannot unmount"
mount -t tmpfs administrator /mnt/efs
echo mine >/mnt/efs/note
fault target "$FS" "${REGION}a" ok
exec 9>&-
eventually 60 noticed_after "$began" "mounted again" || fail "nobody says what came of it: $(tail -n 5 "$EVENTS")"
noticed="$(first_event "$began" "mounted again")"
noticed_after "$began" "cannot be mounted again: .*administrator.* is at /mnt/efs by now" || fail "said: $noticed"
equal "what is mounted there" "$(mount_source /mnt/efs)" administrator
equal "what is in it" "$(cat /mnt/efs/note)" mine
printf '@@ fault\t%s\t0\t%s\t-\t0\t-\t%s\n' "an administrator's mount takes the place of one that is to be remounted" \
  $((${noticed%% *} - began)) "watchdog: cannot be mounted again; the administrator's mount stays"
exec 7>&-
kill "$FOLLOWER"
umount /mnt/efs
all_cleared
