#!/usr/bin/env bash
# Two servers that call themselves the same are merged by the kernel: the second mount would run through
# the first one's tunnel. That is noticed, undone and explained; the first mount is not harmed.
# Contract: NFS-2 (port), FLOW-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/first
tunnel="$(tunnel_of /mnt/first)"
mkdir -p /mnt/second
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o tls "$FS:/" /mnt/second
says "merged" "$(mount_port /mnt/first)" "trunking"
terse
equal "mounts" "$(our_mounts | wc -l)" 1
equal "tunnels" "$(tunnels)" "$tunnel"
echo x >/mnt/first/still
unmount /mnt/first
all_cleared
