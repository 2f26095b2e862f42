#!/usr/bin/env bash
# Packets to the mount target vanish, as behind a closed security group: the mount ends after its time
# limit and names the security group. Contract: NFS-4, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
efs_setting retry_nfs_mount_command_timeout_sec 5
ip neigh replace 10.77.0.99 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
refuse 32 mount -t efs -o tls,retry=0,mounttargetip=10.77.0.99 "$FS:/" /mnt/efs
says "10.77.0.99" "security group" "2049"
terse
nothing_left 3
