#!/usr/bin/env bash
# Read-ahead stays what mount.efs set, although something writes its own value after the mount, as the
# udev rule of nfs-utils does on Ubuntu 24. With optimize_readahead = false nobody touches it.
# Contract: NFS-8, WD-12.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

LOG=/var/log/amazon/efs/mount-watchdog.log
read_ahead() { cat "/sys/class/bdi/$(mount_line "$1" | cut -d' ' -f6)/read_ahead_kb"; }
overwrite() { echo 128 >"/sys/class/bdi/$(mount_line "$1" | cut -d' ' -f6)/read_ahead_kb"; }
is_kept() { [[ "$(read_ahead "$1")" == 15360 ]]; }

mount_efs tls "$FS:/" /mnt/efs
equal "read-ahead" "$(read_ahead /mnt/efs)" 15360
overwrite /mnt/efs
eventually 15 is_kept /mnt/efs || fail "read-ahead stays $(read_ahead /mnt/efs)"
grep -q 'Readahead value incorrect for /mnt/efs' "$LOG" || fail "it is not told"
unmount /mnt/efs
all_cleared

efs_setting optimize_readahead false
mount_efs tls "$FS:/" /mnt/efs
overwrite /mnt/efs
sleep 3
equal "read-ahead that nobody asked for" "$(read_ahead /mnt/efs)" 128
unmount /mnt/efs
all_cleared
