#!/usr/bin/env bash
# umount.efs is missing (a downgrade, a container that shares the mount): umount(8) does the work itself,
# also for the mount whose utab line names it, and the watchdog clears away. Contract: CLI-9, CSI-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

helper="$(command -v umount.efs)"
mount_efs tls "$FS:/" /mnt/efs
mv "$helper" "$helper.away"
trap 'mv "$helper.away" "$helper"' EXIT
unmount /mnt/efs
! is_mounted /mnt/efs || fail "still mounted"
! grep -q /mnt/efs /run/mount/utab || fail "utab still names the mount"
all_cleared
mount_efs tls "$FS:/" /mnt/efs
unmount -i -l /mnt/efs
all_cleared
