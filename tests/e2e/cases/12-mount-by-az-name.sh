#!/usr/bin/env bash
# A DNS name with an AZ chooses that zone's mount target, against the client's own zone; a different
# option az is a contradiction. Contract: DEV-5, DNS rows.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "${REGION}b.$DNS_NAME:/" /mnt/efs
echo x >/mnt/efs/in-b || fail "cannot write"
ss -Htn state established dst "$TARGET_B:2049" | grep -q . || fail "no connection to the target in zone b"
unmount /mnt/efs
mkdir -p /mnt/other
refuse 1 mount -t efs -o "tls,az=${REGION}c" "${REGION}b.$DNS_NAME:/" /mnt/other
says "${REGION}b" "${REGION}c"
all_cleared
