#!/usr/bin/env bash
# The mounted directory was deleted by another client and made again: every call says ESTALE, for good,
# or that the root has no name any more. The watchdog asks the root after the next reconnect, twice, and mounts again in the same place; what is
# open stays on the old mount, and the log says so.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

mkdir -p "$WORLD/data/$FS/project"
mount_efs tls "$FS:/project" /mnt/efs
old_port="$(mount_port /mnt/efs)"
follow_logs
exec 7>/mnt/efs/open
mount_efs tls "$FS:/" /mnt/other
began="$(now)" # the watchdog may ask the root before the fault below, for reasons of its own
rm -rf /mnt/other/project
mkdir /mnt/other/project
unmount /mnt/other
fault target "$FS" "${REGION}a" reset
# Between detach and attach the place is bare for a moment (docs/faults.md): what is written then goes to the directory below, not to the server.
usable() { { echo new >/mnt/efs/new; } 2>"$LOAD/refused" && [[ -s $WORLD/data/$FS/project/new ]]; }
eventually 40 usable || fail "the mount is not usable: $(cat "$LOAD/refused") $(tail -n 5 "$EVENTS")"
again="$(now)"
equal "content on the server" "$(cat "$WORLD/data/$FS/project/new")" new
[[ "$(mount_port /mnt/efs)" != "$old_port" ]] || fail "it is still the old mount"
noticed_after "$began" "does not know the root of this mount any more" || fail "nobody says why"
noticed_after "$began" "mounting /mnt/efs again; files that are open, and 0 other mounts of it, stay on the old one" ||
  fail "nobody says what stays"
noticed_after "$began" "mounted again as" || fail "nobody says that it worked"
kill "$FOLLOWER"
noticed="$(first_event "$began" "does not know the root")"
printf '@@ fault\t%s\t0\t%s\t%s\t%s\t-\t%s\n' "mounted directory deleted on the server and made again (remount)" \
  $((${noticed%% *} - began)) $((again - began)) $((again - began)) "watchdog: mounted again; open files keep ESTALE"
! { echo x >&7; } 2>/dev/null || sync -f /mnt/efs
exec 7>&-
unmount /mnt/efs
rm -f /mnt/efs/new # of the bare moment
all_cleared
