#!/usr/bin/env bash
# The configured CA bundle is missing: told before anything is started. Contract: CFG-3, section 19.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
efs_setting stunnel_cafile /etc/amazon/efs/gone.crt
refuse 1 mount -t efs -o tls "$FS:/" /mnt/efs
says "Failed to find certificate authority file for verification: /etc/amazon/efs/gone.crt" stunnel_cafile
grep -q "Failed to find CAfile /etc/amazon/efs/gone.crt" /var/log/amazon/efs/mount.log || fail "not in mount.log"
nothing_left 0
note "not needed without TLS, nor where the certificate is not verified"
mount_efs rw "$FS:/" /mnt/efs
unmount /mnt/efs
mount_efs tls,verify=0 "$FS:/" /mnt/efs
unmount /mnt/efs
all_cleared
