#!/usr/bin/env bash
# A path after the colon is the root of the mount; one that does not exist is named.
# Contract: DEV-1, NFS-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p "$WORLD/data/$FS/projects/blue"
echo deep >"$WORLD/data/$FS/projects/blue/file"
mount_efs tls "$FS:/projects/blue" /mnt/blue
equal "source" "$(mount_source /mnt/blue)" 127.0.0.1:/projects/blue
equal "content" "$(cat /mnt/blue/file)" deep
note "the same mount again, by another text of its path"
succeed mount.efs "$FS:/projects/blue/" /mnt/blue -o tls
says "is already mounted, please run 'mount' command to verify"
! grep -q "another file system" <<<"$OUTPUT" || fail "it is the same one"
unmount /mnt/blue
all_cleared

mkdir -p /mnt/none
refuse 32 mount -t efs -o tls "$FS:/projects/red" /mnt/none
says "/projects/red" "does not exist" "No such file or directory"
terse
nothing_left 3
