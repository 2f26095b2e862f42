#!/usr/bin/env bash
# umount(8), mount(8) by fstab and `systemctl restart` of the mount unit all work, and an unmounted one
# leaves nothing. Contract: CLI-9, WD-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

unmount /mnt/efs
all_cleared
equal "unit" "$(systemctl is-active mnt-efs.mount)" inactive
succeed mount /mnt/efs
is_mounted /mnt/efs || fail "not mounted"
succeed systemctl restart mnt-efs.mount
is_mounted /mnt/efs || fail "not mounted after a restart of the unit"
equal "content" "$(cat /mnt/efs/boot)" "from boot 1"
