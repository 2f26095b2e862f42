#!/usr/bin/env bash
# tls,iam signs with the role of the instance, which opens a file system that strangers cannot mount.
# Contract: CRED-4, CRED-10, CERT-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls,iam "$FS_CLOSED:/" /mnt/efs
echo x >/mnt/efs/signed
equal "on the server" "$(cat "$WORLD/data/$FS_CLOSED/signed")" x
state="$STATE/$FS_CLOSED.mnt.efs.$(mount_port /mnt/efs)"
grep -q '"awsCredentialsMethod": *"metadata:"' "$state" || fail "source of the credentials: $(cat "$state")"
# The session token is a secret (ST-7).
equal "mode of the certificate" "$(stat -c %a "$state+/certificate.pem")" 600
unmount /mnt/efs
all_cleared
