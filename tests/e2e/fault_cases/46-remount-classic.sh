#!/usr/bin/env bash
# mount_api = classic: a hung mount is mounted again by mount(2) beside it and moved into its place; the staging
# place is gone afterwards, and nobody took it for a mount of an application.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/remounts.sh
. "$E2E/remounts.sh"

efs_setting mount_api classic
mount_to_be_replaced
load_start /mnt/efs buffered direct
measure "server silent for longer than remount_after_sec = 20 (mount_api classic)" "mounted again as" silent_until_remount
remounted_and_writable
equal "mounts" "$(our_mounts | wc -l)" 1
[[ ! -e "$STATE/remount" ]] || [[ -z "$(ls -A "$STATE/remount")" ]] || fail "staging left: $(ls "$STATE/remount")"
load_stop
unmount /mnt/efs
all_cleared
