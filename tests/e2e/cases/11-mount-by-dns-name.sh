#!/usr/bin/env bash
# The DNS name of a file system means the same as its id, also in the state file's name.
# Contract: DEV-3, DEV-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$DNS_NAME:/" /mnt/efs
[[ -e "$STATE/$FS.mnt.efs.$(mount_port /mnt/efs)" ]] || fail "the state file is not named by the id: $(state_files)"
echo x >/mnt/efs/by-name
equal "on the server" "$(cat "$WORLD/data/$FS/by-name")" x
unmount /mnt/efs
all_cleared
