#!/usr/bin/env bash
# A DNS name that the configuration would not make of the file system's id is refused, although it resolves:
# the certificate would be checked for another name. Contract: DEV-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting dns_name_format '{fs_id}.efs.{region}.{dns_name_suffix}'
refuse 1 mount -t efs -o tls "${REGION}b.$DNS_NAME:/" /mnt/efs
says "${REGION}b.$DNS_NAME" "did not resolve to a valid DNS name"
terse
nothing_left 0
mount_efs tls "$DNS_NAME:/" /mnt/efs
unmount /mnt/efs
all_cleared
