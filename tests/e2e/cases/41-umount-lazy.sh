#!/usr/bin/env bash
# After `umount -l` an open file can be read and written until it is closed; then tunnel, state and port
# go. The caller does not wait. Contract: CLI-9, WD-5, 23 (ECS).
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=4 status=none
cp "$WORLD/blob" /mnt/efs/lazy
exec 3</mnt/efs/lazy 4>/mnt/efs/lazy-written
started=$EPOCHREALTIME
unmount -l /mnt/efs
note "took from $started to $EPOCHREALTIME"
! is_mounted /mnt/efs || fail "still mounted"
# Longer than the watchdog's doubt about an unmount.
sleep 4
[[ $(tunnels | wc -l) -eq 1 ]] || fail "the tunnel is gone while a file is open"
equal "read after the lazy unmount" "$(timeout 20 sha256sum <&3 | cut -d' ' -f1)" "$(checksum "$WORLD/blob")"
timeout 20 cat "$WORLD/blob" >&4 || fail "writing after the lazy unmount"
exec 3<&- 4>&-
nothing_left 20
equal "written after the lazy unmount" "$(checksum "$WORLD/data/$FS/lazy-written")" "$(checksum "$WORLD/blob")"

mount_efs tls "$FS:/" /mnt/efs
unmount -f -l /mnt/efs
nothing_left 10
