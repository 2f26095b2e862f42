#!/usr/bin/env bash
# place.sh BIN OUT COMMAND [ARGUMENT...]: runs COMMAND (a path below the source tree) as root where
# Linux can mount NFSv4.1 and nothing of this machine is touched: on this machine in namespaces of its
# own when its kernel can, else in the micro guest. EFS_PLACE=host or guest decides instead; a kernel by
# name (EFS_KERNEL) is the guest's.
# BIN holds the programs; what COMMAND leaves in $EFS_RESULTS is found in OUT; its status is ours.
set -euo pipefail
# shellcheck source=tests/testbed/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

host_can_mount_nfs() {
  grep -qw nfs4 /proc/filesystems || modprobe nfsv4 2>/dev/null
}

choose_place() {
  if [[ "${EFS_KERNEL:-6.1}" != 6.1 ]]; then echo guest; return; fi
  if [[ -n "${EFS_PLACE:-}" ]]; then echo "$EFS_PLACE"; return; fi
  if [[ $EUID -eq 0 ]] && host_can_mount_nfs; then echo host; else echo guest; fi
}

[[ $# -ge 3 ]] || die "usage: place.sh BIN OUT COMMAND [ARGUMENT...]"
mkdir -p "$2"
case "$(choose_place)" in
  host) exec "$TESTBED/host.sh" "$@" ;;
  guest) exec "$TESTBED/micro.sh" "$@" ;;
  *) die "EFS_PLACE must be host or guest" ;;
esac
