#!/usr/bin/env bash
# While a hung mount is about to be mounted again an administrator takes it away and mounts something else
# at its place: that stays, and nothing of ours is left there.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/remounts.sh
. "$E2E/remounts.sh"

mount_to_be_replaced
follow_logs
exec 7>/mnt/efs/open
# A client that waits for the server is hung.
stat_often
hold_last_step
silence 90
kill "$WORKER"
umount -i -l /mnt/efs || fail "the administrator cannot unmount"
mount -t tmpfs administrator /mnt/efs
echo mine >/mnt/efs/note
answer
release_last_step
eventually 60 noticed_after "$BEGAN" "mounted again" || fail "nobody says what came of it: $(tail -n 5 "$EVENTS")"
noticed="$(first_event "$BEGAN" "mounted again")"
noticed_after "$BEGAN" "cannot be mounted again: .*administrator.* is at /mnt/efs by now" || fail "said: $noticed"
equal "what is mounted there" "$(mount_source /mnt/efs)" administrator
equal "what is in it" "$(cat /mnt/efs/note)" mine
printf '@@ fault\t%s\t0\t%s\t-\t0\t-\t%s\n' "an administrator's mount takes the place of one that is to be remounted" \
  $((${noticed%% *} - BEGAN)) "watchdog: cannot be mounted again; the administrator's mount stays"
exec 7>&-
kill "$FOLLOWER"
umount /mnt/efs
all_cleared
