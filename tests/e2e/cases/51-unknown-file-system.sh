#!/usr/bin/env bash
# A file system that does not exist here: the name that was asked for, and what to check.
# Contract: DNS-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
refuse 1 mount -t efs -o tls "$UNKNOWN_FS:/" /mnt/efs
says "Failed to resolve \"$UNKNOWN_FS.efs.$REGION.amazonaws.com\"" "file system id" "$REGION"
terse
nothing_left 0
