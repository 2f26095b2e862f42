#!/usr/bin/env bash
# A kernel that cannot mount NFSv4 is named as the reason, and nothing is started for it.
# Contract: 7 (32), EX-1, EX-2. Runs first: once the module is loaded it stays.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

[[ "$EFS_PLACE" == guest ]] || skip "it would change the settings of this machine"
grep -qw nfs4 /proc/filesystems && skip "this kernel has its NFS client already"
loader="$(cat /proc/sys/kernel/modprobe)"
trap 'echo "$loader" >/proc/sys/kernel/modprobe; umount /lib/modules 2>/dev/null' EXIT
echo /bin/false >/proc/sys/kernel/modprobe
mount -t tmpfs none "$(readlink -f /lib/modules)" || fail "cannot hide the modules"

mkdir -p /mnt/efs
refuse 32 mount -t efs -o tls "$FS:/" /mnt/efs
says "$FS" "kernel" "NFS" "nfsv4 module"
terse
nothing_left 0
