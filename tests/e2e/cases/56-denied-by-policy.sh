#!/usr/bin/env bash
# The file system's policy keeps anonymous clients out: a denial is called so, with the way out.
# Contract: NFS-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o tls "$FS_CLOSED:/" /mnt/efs
says "access denied" "policy" "iam"
terse
nothing_left 3
