#!/usr/bin/env bash
# umount(8) needs no more than it ever did, waits for written data, and the watchdog then clears
# everything away; the mount point can be used again at once. Contract: CLI-9, CSI-3, WD-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

for round in 1 2; do
  mount_efs tls "$FS:/" /mnt/efs
  dd if=/dev/urandom of="$WORLD/blob" bs=1M count=8 status=none
  cp "$WORLD/blob" "/mnt/efs/unmount-$round"
  unmount /mnt/efs
  equal "checksum on the server, round $round" \
    "$(checksum "$WORLD/data/$FS/unmount-$round")" "$(checksum "$WORLD/blob")"
done
all_cleared

# What a driver does when a plain unmount takes too long.
mount_efs tls "$FS:/" /mnt/efs
unmount -f /mnt/efs
all_cleared

mount_efs tls "$FS:/" /mnt/efs
exec 3</mnt/efs/unmount-1
refuse 32 umount /mnt/efs
says busy
exec 3<&-
unmount /mnt/efs
all_cleared
