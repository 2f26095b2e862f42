#!/usr/bin/env bash
# `mount -f` checks and mounts nothing. Contract: CLI-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
succeed mount.efs "$FS:/" /mnt/efs -f -o tls
nothing_left 0
refuse 1 mount.efs "$UNKNOWN_FS:/" /mnt/efs -f -o tls
says "$UNKNOWN_FS" "Failed to resolve"
nothing_left 0
