#!/usr/bin/env bash
# The mount target answers, but nobody listens on port 2049: found by name, and given by address.
# Contract: DNS-5, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
fault target "$FS" "${REGION}a" refuse
refuse 32 mount -t efs -o tls "$FS:/" /mnt/efs
says "refused" "$DNS_NAME" "$TARGET_A"
terse
nothing_left 3

refuse 1 mount -t efs -o "tls,mounttargetip=$VPC_GATEWAY" "$FS:/" /mnt/efs
says "Cannot connect to file system mount target ip address $VPC_GATEWAY" "refused"
terse
nothing_left 0
