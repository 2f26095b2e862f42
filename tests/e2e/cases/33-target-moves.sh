#!/usr/bin/env bash
# The mount target gets another address: the next connection asks DNS again and goes there.
# Contract: TUN-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
echo before >/mnt/efs/moves
fault target "$FS" "${REGION}a" move "$TARGET_SPARE"
fault target "$FS" "${REGION}a" reset
succeed timeout 50 cp /mnt/efs/moves /mnt/efs/moved
connected_to_spare() { ss -Htn state established dst "$TARGET_SPARE:2049" | grep -q .; }
eventually 10 connected_to_spare || fail "no connection to the new address"
equal "content" "$(cat "$WORLD/data/$FS/moved")" before
fault target "$FS" "${REGION}a" move "$TARGET_A"
fault target "$FS" "${REGION}a" reset
succeed timeout 50 cp /mnt/efs/moved /mnt/efs/moves
unmount /mnt/efs
all_cleared
