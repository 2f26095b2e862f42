#!/usr/bin/env bash
# Watchdog, tunnel and state of a mount are gone, and somebody mounts with tlsport= of its port: the old mount's
# NFS client, which still asks for that port, would speak through the new tunnel, with its identity. The kernel
# knows; the mount is refused, and without tlsport= another port is taken.
# Contract: NFS-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls,tlsport=20777 "$FS:/" /mnt/old
tunnel="$(tunnel_of /mnt/old)"
for pid in $(watchdogs) "$tunnel"; do
  kill -KILL "$pid"
  eventually 5 has_ended "$pid" || fail "process $pid does not end"
done
find "$STATE" -mindepth 1 -delete
mkdir -p /mnt/new
refuse 1 mount -t efs -o tls,tlsport=20777 "$FS:/" /mnt/new
says "Specified port [20777] is unavailable" "the kernel has an NFS mount that uses it"
terse
! is_mounted /mnt/new || fail "it is mounted"
mount_efs tls "$FS:/" /mnt/new
[[ "$(mount_port /mnt/new)" != 20777 ]] || fail "the old mount's port was taken"
succeed timeout 20 ls /mnt/new
unmount /mnt/new
succeed umount -f -l /mnt/old
