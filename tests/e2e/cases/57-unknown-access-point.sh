#!/usr/bin/env bash
# An access point that does not exist, and one that is no id at all. Contract: 5, NFS-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o "tls,accesspoint=$UNKNOWN_AP" "$FS:/" /mnt/efs
says "access point" "$UNKNOWN_AP" "exists"
terse
nothing_left 3

refuse 1 mount -t efs -o tls,accesspoint=fsap-1 "$FS:/" /mnt/efs
says "fsap-1" "malformed"
nothing_left 0
