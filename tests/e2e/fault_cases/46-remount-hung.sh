#!/usr/bin/env bash
# remount_after_sec is set and the server is silent for longer: mounted again under another port and client
# name as soon as the server is back, however the old client fares. Files that are open stay on the old
# mount and lose nothing.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

efs_setting remount_after_sec 20
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
measure "server silent for longer than remount_after_sec = 20" "mounted again as" silent_until_remount
eventually 60 remounted || fail "still the old mount: $(tail -n 5 "$EVENTS")"
echo new >/mnt/efs/new
equal "content on the server" "$(cat "$WORLD/data/$FS/new")" new
load_stop
unmount /mnt/efs
all_cleared
