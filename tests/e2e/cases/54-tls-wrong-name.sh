#!/usr/bin/env bash
# A server with a certificate for another name is not trusted: no NFS byte goes there.
# Contract: DNS-8, TUN-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

fault cert wrong-name
mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o tls "$FS:/" /mnt/efs
says "TLS" "certificate" "$DNS_NAME" "name"
terse
nothing_left 3
