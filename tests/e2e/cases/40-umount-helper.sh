#!/usr/bin/env bash
# umount(8) calls umount.efs, which ends tunnel, state and port before it returns, names who is in the
# way, and makes a busy mount read-only on request. Contract: CLI-9.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
grep -q 'TARGET=/mnt/efs .*helper=efs' /run/mount/utab || fail "utab does not name the helper"
unmount -v /mnt/efs
says "unmounted" "tunnel ended"
nothing_left 1
! grep -q /mnt/efs /run/mount/utab || fail "utab still names the mount"

mount_efs tls "$FS:/" /mnt/efs
exec 3</mnt/efs
refuse 32 umount /mnt/efs
says busy "bash($$)"
terse
unmount -r /mnt/efs
has_word "$(mount_flags /mnt/efs)" ro || fail "a busy mount was not made read-only"
exec 3<&-
mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/other
mkdir -p /mnt/efs-bind
succeed mount --bind /mnt/efs /mnt/efs-bind
unmount /mnt/efs
is_mounted /mnt/efs-bind || fail "the bind mount is gone"
[[ -n "$(ls -d /mnt/efs-bind)" && $(tunnels | wc -l) -eq 2 ]] || fail "the bind mount lost its tunnel"
unmount /mnt/efs-bind
unmount /mnt/other
nothing_left 5

refuse 32 umount.efs /mnt/efs
says "/mnt/efs: not mounted"
refuse 32 umount.efs /proc
says "not an EFS mount"
refuse 1 umount.efs
says "mount point is missing"
