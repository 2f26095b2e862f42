#!/usr/bin/env bash
# Packets to the mount target vanish, as behind a closed security group: the mount ends after its time
# limit and names the security group. So does one whose target accepts and then says nothing.
# Contract: DNS-5, NFS-4, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
# A neighbour whose hardware address nobody has.
ip neigh replace "$TARGET_A" lladdr 02:00:00:00:00:01 dev eth0 nud permanent
refuse 32 mount -t efs -o tls,retry=0 "$FS:/" /mnt/efs
says "did not answer" "$DNS_NAME" "$TARGET_A" "security group" "2049"
terse
nothing_left 3

refuse 1 mount -t efs -o "tls,mounttargetip=$TARGET_A" "$FS:/" /mnt/efs
says "Cannot connect to file system mount target ip address $TARGET_A" "timed out" "security group" "2049"
terse
nothing_left 0

ip neigh del "$TARGET_A" dev eth0
fault target "$FS" "${REGION}a" blackhole
refuse 32 mount -t efs -o tls,retry=0 "$FS:/" /mnt/efs
says "TLS" "handshake" "$DNS_NAME"
terse
nothing_left 3
