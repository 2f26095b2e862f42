#!/usr/bin/env bash
# host.sh BIN OUT COMMAND [ARGUMENT...]: runs COMMAND on this machine's kernel, in own mount, network,
# UTS and PID namespaces over a throw-away copy of the root file system (overlay on tmpfs). Nothing of
# it outlives the command: the PID namespace takes its processes along. See README.md.
set -euo pipefail
# shellcheck source=tests/testbed/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/testbed/root_files.sh
. "$TESTBED/root_files.sh"
# shellcheck source=tests/testbed/guest_command.sh
. "$TESTBED/guest_command.sh"

# Runs inside the new namespaces.
host_inside() {
  local base=$1 bin=$2 out=$3 root folder
  shift 3
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 place "$base"
  mkdir -p "$base"/{upper,work,root}
  root="$base/root"
  mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs sys "$root/sys"
  mount --rbind /dev "$root/dev"
  for folder in run tmp; do mount -t tmpfs -o mode=1777 "$folder" "$root/$folder"; done
  rm -rf "$root"/etc/amazon "$root"/var/log/amazon
  put_project "$root" "$bin"
  guest_command host "$@" >"$root/efsmount/command"
  mkdir -p "$root/run/results"
  mount --bind "$out" "$root/run/results"
  ip link set lo up
  # Not chroot(8): who enters the mount namespace later (nsenter) must find the same root.
  cd "$root"
  mkdir .old-root
  pivot_root . .old-root
  umount -l /.old-root
  exec /bin/bash /efsmount/command
}

if [[ "${1:-}" == --inside ]]; then
  shift
  host_inside "$@"
  exit
fi
[[ $# -ge 3 ]] || die "usage: host.sh BIN OUT COMMAND [ARGUMENT...]"
[[ $EUID -eq 0 ]] || die "namespaces and mounts need root"
efs_packages test load
bin="$(realpath "$1")"; mkdir -p "$2"; out="$(realpath "$2")"; shift 2
base="$(mktemp -d "${TMPDIR:-/tmp}/efs-place.XXXXXX")"
trap 'rmdir "$base"' EXIT
timeout -k 5 "$((${EFS_GUEST_LIMIT:-600} * ${EFS_TIME_SCALE:-1}))" \
  unshare --mount --net --uts --ipc --pid --fork --kill-child \
  "$TESTBED/host.sh" --inside "$base" "$bin" "$out" "$@" </dev/null 2>&1 | tee "$out/console.log"
