#!/usr/bin/env bash
# remount_after_sec is set and the server is silent for longer: mounted again under another port and client
# name as soon as the server is back, however the old client fares. Files that are open stay on the old
# mount and lose nothing.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/remounts.sh
. "$E2E/remounts.sh"

mount_to_be_replaced
load_start /mnt/efs buffered direct
measure "server silent for longer than remount_after_sec = 20" "mounted again as" silent_until_remount
remounted_and_writable
load_stop
unmount /mnt/efs
all_cleared
