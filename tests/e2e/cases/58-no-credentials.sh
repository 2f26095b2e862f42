#!/usr/bin/env bash
# iam without any credentials: every source that was asked is named. Contract: CRED-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

fault imds no-role
mkdir -p /mnt/efs
refuse 1 mount -t efs -o tls,iam "$FS_CLOSED:/" /mnt/efs
says "AWS Access Key ID and Secret Access Key are not found" "role"
terse
nothing_left 0
