#!/usr/bin/env bash
# Faults of credentials and certificate with I/O running on a file system that lets nobody in without
# them: metadata service down when the certificate is due, credentials ended and revoked and then there
# again, certificate deleted. Contract: CRED-10, WD-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

# As if the certificate had been made two hours ago.
make_certificate_due() {
  local stamp
  stamp="$(TZ=UTC date -d "@$(($(date +%s) - 7200))" +%y%m%d%H%M%SZ)"
  sed -i -E "s/(\"certificateCreationTime\": *\")[^\"]*/\1$stamp/" "$STATE_FILE"
}
renewed_after() { noticed_after "$1" "Renewed the certificate"; }
failed_after() { noticed_after "$1" "Cannot recreate self-signed certificate"; }

renewal_without_imds() {
  local began
  began="$(now)"
  fault imds down
  make_certificate_due
  eventually 20 failed_after "$began" || fail "no renewal was tried"
  fault imds ok
  eventually 40 renewed_after "$began" || fail "the certificate was not renewed afterwards"
}
credentials_end() {
  local began
  began="$(now)"
  fault imds no-role
  fault rotate-credentials revoke
  make_certificate_due
  fault target "$FS_CLOSED" "${REGION}a" reset
  eventually 20 failed_after "$began" || fail "no renewal was tried"
  fault imds ok
  eventually 40 renewed_after "$began" || fail "the certificate was not renewed afterwards"
}
delete_certificate() {
  local began
  began="$(now)"
  rm "$CERTIFICATE"
  eventually 20 renewed_after "$began" || fail "no new certificate"
  [[ -s "$CERTIFICATE" ]] || fail "$CERTIFICATE was not made again"
}

mount_efs tls,iam "$FS_CLOSED:/" /mnt/efs
STATE_FILE="$STATE/$FS_CLOSED.mnt.efs.$(mount_port /mnt/efs)"
CERTIFICATE="$STATE_FILE+/certificate.pem"
load_start /mnt/efs
measure "metadata service down when the certificate is due" "Cannot recreate self-signed certificate" renewal_without_imds
measure "credentials ended and revoked, then there again" "Cannot recreate self-signed certificate" credentials_end
measure "certificate deleted" "Renewed the certificate" delete_certificate
# The new one is good: whoever connects now needs it.
measure "connection reset after that" "$TUNNEL_NOTICES" fault target "$FS_CLOSED" "${REGION}a" reset
load_stop
unmount /mnt/efs
all_cleared
