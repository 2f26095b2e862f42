#!/usr/bin/env bash
# `ro` is the kernel's: reads work, writes are refused with EROFS. Contract: CLI-8, OPT-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

echo content >"$WORLD/data/$FS/readable"
mount_efs ro,tls "$FS:/" /mnt/efs
has_word "$(mount_flags /mnt/efs)" ro || fail "flags: $(mount_flags /mnt/efs)"
equal "read" "$(cat /mnt/efs/readable)" content
refuse 1 touch /mnt/efs/new
says "read-only"
unmount /mnt/efs
all_cleared
