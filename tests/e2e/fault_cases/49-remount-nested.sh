#!/usr/bin/env bash
# A tmpfs is mounted within a mount that hangs for longer than remount_after_sec: it is not mounted again,
# for the tmpfs would go with it and the application's next write to EFS; log and status say why.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

REASON="/mnt/efs/scratch (tmpfs) is mounted within it"
efs_setting remount_after_sec 20
silent_until_refused() {
  local began
  began="$(now)"
  fault target "$FS" "${REGION}a" blackhole
  eventually 90 refused_or_remounted "$began" || fail "nothing happens: $(tail -n 5 "$EVENTS")"
  OUTPUT="$(efsctl status)"
  fault target "$FS" "${REGION}a" ok
}
refused_or_remounted() { noticed_after "$1" "is not mounted again: " || noticed_after "$1" "mounted again as"; }

mount_efs tls "$FS:/" /mnt/efs
port="$(mount_port /mnt/efs)"
mkdir /mnt/efs/scratch
mount -t tmpfs scratch /mnt/efs/scratch
echo private >/mnt/efs/scratch/note
load_start /mnt/efs buffered direct
measure "a tmpfs within a mount that hangs longer than remount_after_sec (remount refused)" "is not mounted again" silent_until_refused
says "$REASON"
equal "port of the mount" "$(mount_port /mnt/efs)" "$port"
equal "what is in the tmpfs" "$(cat /mnt/efs/scratch/note)" private
[[ ! -e "$WORLD/data/$FS/scratch/note" ]] || fail "it went to EFS"
load_stop
umount /mnt/efs/scratch
unmount /mnt/efs
all_cleared
