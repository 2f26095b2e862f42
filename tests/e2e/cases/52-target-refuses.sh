#!/usr/bin/env bash
# The mount target answers, but nobody listens on port 2049.
# Contract: DNS-5, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o "tls,mounttargetip=$VPC_GATEWAY" "$FS:/" /mnt/efs
says "refused" "$VPC_GATEWAY" "mounttargetip"
terse
nothing_left 3
