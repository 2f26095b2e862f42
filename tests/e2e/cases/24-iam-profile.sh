#!/usr/bin/env bash
# awsprofile signs with the keys of that profile in root's credentials file. Contract: CRED-3, CRED-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /root/.aws
printf '[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = wrong\n\n[backup]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
  "$PROFILE_KEY" "$PROFILE_SECRET" >/root/.aws/credentials
mount_efs tls,iam,awsprofile=backup "$FS_CLOSED:/" /mnt/efs
state="$STATE/$FS_CLOSED.mnt.efs.$(mount_port /mnt/efs)"
grep -q '"awsCredentialsMethod": *"credentials:backup"' "$state" || fail "source of the credentials: $(cat "$state")"
unmount /mnt/efs
all_cleared

mkdir -p /mnt/none
refuse 1 mount -t efs -o tls,iam,awsprofile=nobody "$FS_CLOSED:/" /mnt/none
says "nobody" "profile"
terse
nothing_left 0
