#!/usr/bin/env bash
# The tunnel is killed during a copy: the watchdog replaces it on the same port, the copy goes on as if
# nothing had happened, and every byte arrives. Contract: WD-6, TUN-6, TUN-9.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
port="$(mount_port /mnt/efs)"
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=40 status=none
wanted="$(checksum "$WORLD/blob")"
( cp "$WORLD/blob" /mnt/efs/killed && sync -f /mnt/efs/killed ) &
copy=$!
for kill in 1 2; do
  before="$(tunnel_of /mnt/efs)"
  sleep 0.3
  note "killing tunnel $before ($kill)"
  kill -KILL "$before"
  eventually 20 tunnel_is_new /mnt/efs "$before" || fail "no new tunnel on port $port after 20 s"
done
wait "$copy" || fail "the copy ended with an error"
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/killed")" "$wanted"
# From the server, not from the page cache.
succeed mount -o remount,ro /mnt/efs
echo 3 >/proc/sys/vm/drop_caches
equal "checksum read back" "$(checksum /mnt/efs/killed)" "$wanted"
equal "port" "$(mount_port /mnt/efs)" "$port"
unmount /mnt/efs
all_cleared
