#!/usr/bin/env bash
# A server whose certificate comes from an authority that we do not know. Contract: TUN-10, CFG-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=stranger \
  -keyout /run/stranger.key -out /run/stranger.pem 2>/dev/null || fail "openssl"
mkdir -p /mnt/efs
efs_setting retry_nfs_mount_command_count 1
refuse 32 mount -t efs -o tls,cafile=/run/stranger.pem "$FS:/" /mnt/efs
says "TLS" "certificate" "CA bundle"
terse
nothing_left 3

refuse 1 mount -t efs -o tls,cafile=/run/missing.pem "$FS:/" /mnt/efs
says "Failed to find certificate authority file" "/run/missing.pem"
nothing_left 0
