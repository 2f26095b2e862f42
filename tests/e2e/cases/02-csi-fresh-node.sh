#!/usr/bin/env bash
# A node that has never mounted NFS, and a pod without /lib/modules: the kernel loads its NFS client when
# it is asked to mount. Contract: CSI-15. Runs before everything else loads the module.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/csi.sh
. "$E2E/csi.sh"

[[ "$EFS_PLACE" == guest ]] || skip "this machine's modules are not ours to unload"
knows_nfs() { grep -qw nfs4 /proc/filesystems; }
! knows_nfs || modprobe -r nfsv4 nfs || fail "the module is in use: who left a mount?"
! knows_nfs || fail "the node has its NFS client already"

csi_node
driver_start 4
publish tls "$FS:/" pvc-first
knows_nfs || fail "mounted without an NFS client?"
echo first >"$(volume pvc-first)/of-a-fresh-node"
equal "content on the server" "$(cat "$WORLD/data/$FS/of-a-fresh-node")" first
unpublish pvc-first
all_cleared
driver_kill
