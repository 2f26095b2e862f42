#!/usr/bin/env bash
# Two mounts of one file system's root: the server calls itself the same to both, so the kernel would merge them
# and the second would run through the first one's tunnel. Each gets a tunnel of its own nevertheless; where
# the kernel offers no means, the second is refused, undone and explained, and the first is not harmed.
# Contract: NFS-2 (port), FLOW-1.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
mount_efs tls "$FS:/" /mnt/first
first="$(tunnel_of /mnt/first)"
before="$(cat "$IDENTIFIER")"
mount_efs tls "$FS:/" /mnt/second
[[ "$(mount_port /mnt/first)" != "$(mount_port /mnt/second)" ]] || fail "both use port $(mount_port /mnt/first)"
equal "tunnels" "$(tunnels | wc -l)" 2
# The kernel shows "(null)" where none was set and takes no empty value; then it is the host name.
equal "the identifier is put back" "$(cat "$IDENTIFIER")" "${before/(null)/$(hostname)}"
echo shared >/mnt/first/file
equal "seen through the other" "$(cat /mnt/second/file)" shared
unmount /mnt/second
echo x >/mnt/first/still || fail "the first mount suffered"
equal "the first one's tunnel" "$(tunnel_of /mnt/first)" "$first"
unmount /mnt/first
all_cleared

note "a kernel without the means"
mount -o remount,ro /sys
mount_efs tls "$FS:/" /mnt/first
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o tls "$FS:/" /mnt/second
says "merged" "trunking" "unmount the other mount first"
terse
equal "mounts" "$(our_mounts | wc -l)" 1

note "by mount(2), which shows it for a moment, and by paths that the kernel shows otherwise"
mkdir "$WORLD/data/$FS/dir"
ln -s dir "$WORLD/data/$FS/link"
efs_setting mount_api classic
for path in /dir/ /link; do
  refuse 32 mount -t efs -o tls "$FS:$path" /mnt/second
  says "merged" "trunking"
  equal "mounts after $path" "$(our_mounts | wc -l)" 1
done
mount -o remount,rw /sys
echo x >/mnt/first/still
unmount /mnt/first
all_cleared
