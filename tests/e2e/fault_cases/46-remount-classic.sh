#!/usr/bin/env bash
# mount_api = classic: a hung mount is mounted again by mount(2) beside it and moved into its place; the staging
# place is gone afterwards, and nobody took it for a mount of an application.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

efs_setting remount_after_sec 20
efs_setting mount_api classic
silent_until_remount() {
  local began
  began="$(now)"
  fault target "$FS" "${REGION}a" blackhole
  eventually 60 noticed_after "$began" "mounting /mnt/efs again; files that are open" || fail "no remount: $(tail -n 5 "$EVENTS")"
  fault target "$FS" "${REGION}a" ok
}
remounted() { [[ "$(mount_port /mnt/efs)" != "$old_port" ]]; }

mount_efs tls "$FS:/" /mnt/efs
old_port="$(mount_port /mnt/efs)"
load_start /mnt/efs buffered direct
measure "server silent for longer than remount_after_sec = 20 (mount_api classic)" "mounted again as" silent_until_remount
eventually 60 remounted || fail "still the old mount: $(tail -n 5 "$EVENTS")"
echo new >/mnt/efs/new
equal "content on the server" "$(cat "$WORLD/data/$FS/new")" new
equal "mounts" "$(our_mounts | wc -l)" 1
[[ ! -e "$STATE/remount" ]] || [[ -z "$(ls -A "$STATE/remount")" ]] || fail "staging left: $(ls "$STATE/remount")"
load_stop
unmount /mnt/efs
all_cleared
