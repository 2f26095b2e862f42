#!/usr/bin/env bash
# The connection to the mount target is reset during a copy, then refused for some seconds: the kernel
# sees a lost connection, replays, and every byte arrives. The tunnel process stays. Contract: TUN-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=48 status=none
( cp "$WORLD/blob" /mnt/efs/reset && sync -f /mnt/efs/reset ) &
copy=$!
sleep 0.5
fault target "$FS" "${REGION}a" reset
sleep 1
fault target "$FS" "${REGION}a" refuse
fault target "$FS" "${REGION}a" reset
sleep 3
fault target "$FS" "${REGION}a" ok
wait "$copy" || fail "the copy ended with an error"
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/reset")" "$(checksum "$WORLD/blob")"
equal "tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
unmount /mnt/efs
all_cleared
