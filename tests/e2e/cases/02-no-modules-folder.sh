#!/usr/bin/env bash
# A container on a fresh node: no /lib/modules, and nothing has loaded the kernel's NFS client yet. The kernel loads
# it by itself, outside the container. Contract: 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

[[ "$EFS_PLACE" == guest ]] || skip "this machine's modules are not ours to unload"
knows_nfs() { grep -qw nfs4 /proc/filesystems; }
! knows_nfs || modprobe -r nfsv4 nfs || fail "the module is in use: who left a mount?"
! knows_nfs || fail "the node has its NFS client already"
modules="$(readlink -f /lib/modules)"
trap 'umount "$modules" 2>/dev/null' EXIT
# In this client's mount namespace alone; the kernel's modprobe runs outside.
mount -t tmpfs none "$modules" || fail "cannot hide the modules"
mount_efs tls "$FS:/" /mnt/efs
echo x >/mnt/efs/file || fail "it does not work"
unmount /mnt/efs
all_cleared
