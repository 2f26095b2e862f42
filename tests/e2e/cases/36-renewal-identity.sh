#!/usr/bin/env bash
# A renewal signs with what found the mount's credentials, wherever that is, though root's own profile of
# the same name is another's; where another identity is found the old certificate stays and the mount
# goes on. No daemon has a secret of the mount's caller in its environment. Contract: CRED-10, CSI-20.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
LOG=/var/log/amazon/efs/mount-watchdog.log

profile() { printf '[backup]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$1" "$2"; }
# As if the certificate had been made two hours ago.
make_certificate_due() {
  local stamp
  stamp="$(TZ=UTC date -d "@$(($(date +%s) - 7200))" +%y%m%d%H%M%SZ)"
  sed -i -E "s/(\"certificateCreationTime\": *\")[^\"]*/\1$stamp/" "$state"
}
log_says() { grep -q "$1" "$LOG"; }
signed_by() { openssl x509 -in "$state+/certificate.pem" -outform DER | grep -qa "$1"; }

mkdir -p /root/.aws /etc/team
profile AKIAWRONG wrong >/root/.aws/credentials
profile "$PROFILE_KEY" "$PROFILE_SECRET" >/etc/team/credentials
cd /etc || fail "no /etc"
export AWS_SHARED_CREDENTIALS_FILE=team/credentials AWS_SECRET_ACCESS_KEY=hush HOME=/nowhere
mount_efs tls,iam,awsprofile=backup "$FS_CLOSED:/" /mnt/efs
state="$STATE/$FS_CLOSED.mnt.efs.$(mount_port /mnt/efs)"

make_certificate_due
eventually 20 log_says "Renewed the certificate" || fail "no renewal: $(cat "$LOG")"
signed_by "$PROFILE_KEY" || fail "signed with another key"
for pid in $(watchdogs) $(tunnels); do
  ! tr '\0' '\n' <"/proc/$pid/environ" | grep -E '^AWS_|hush' || fail "environment of process $pid"
done
! grep -rq -e hush -e "$PROFILE_SECRET" "$STATE" || fail "a secret in $STATE"

note "another identity"
profile AKIAOTHER other >/etc/team/credentials
make_certificate_due
eventually 20 log_says "the identity is no longer that of the mount" || fail "not told: $(cat "$LOG")"
signed_by "$PROFILE_KEY" || fail "the old certificate is gone"
fault target "$FS_CLOSED" "${REGION}a" reset
succeed ls /mnt/efs

unmount /mnt/efs
all_cleared
