#!/usr/bin/env bash
# No watchdog runs: umount.efs ends tunnel and state itself and starts nothing. If the tunnel is dead as
# well, it starts a watchdog, because the kernel's last call needs a tunnel; it is called directly then,
# because umount(8) of util-linux 2.38 asks stat(2) about the mount point first (without -c), which waits
# for the server unless the attributes are cached.
# Contract: CLI-9, WD-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

no_watchdog() {
  local pid
  for pid in $(watchdogs); do
    kill -KILL "$pid"
    eventually 5 has_ended "$pid" || fail "watchdog $pid does not end"
  done
}

mount_efs tls "$FS:/" /mnt/efs
no_watchdog
unmount -v /mnt/efs
says "tunnel ended"
nothing_left 1
! watchdog_runs || fail "a watchdog was started"

mount_efs tls "$FS:/" /mnt/efs
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=8 status=none
cp "$WORLD/blob" /mnt/efs/written
no_watchdog
tunnel="$(tunnel_of /mnt/efs)"
kill -KILL "$tunnel"
eventually 5 has_ended "$tunnel" || fail "tunnel $tunnel does not end"
succeed umount.efs -v /mnt/efs
says "starting one"
nothing_left 20
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/written")" "$(checksum "$WORLD/blob")"
