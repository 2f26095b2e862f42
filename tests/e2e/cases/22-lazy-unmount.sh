#!/usr/bin/env bash
# After `umount -l` a program that still has a file open goes on reading through the tunnel.
# Contract: CLI-9, WD-5, 23 (ECS).
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=4 status=none
cp "$WORLD/blob" /mnt/efs/lazy
exec 3</mnt/efs/lazy
unmount -l /mnt/efs
! is_mounted /mnt/efs || fail "still mounted"
sleep 1
equal "read after the lazy unmount" "$(timeout 20 sha256sum <&3 | cut -d' ' -f1)" "$(checksum "$WORLD/blob")"
exec 3<&-
nothing_left 30
