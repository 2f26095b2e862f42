#!/usr/bin/env bash
# Only root can mount; help and version are for everybody. Contract: CLI-5, CLI-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
as_user=(setpriv --reuid 1000 --regid 1000 --clear-groups)
refuse 1 "${as_user[@]}" /sbin/mount.efs "$FS:/" /mnt/efs -o tls
says "only root can run"
equal "lines" "$(wc -l <<<"$OUTPUT")" 1
nothing_left 0
succeed "${as_user[@]}" /sbin/mount.efs --version
says "Version:"
succeed "${as_user[@]}" /sbin/mount.efs --help
says "usage" "--version"
