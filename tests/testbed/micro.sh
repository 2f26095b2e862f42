#!/usr/bin/env bash
# micro.sh BIN OUT COMMAND [ARGUMENT...]: runs COMMAND (a path below the source tree) in the micro
# guest: Debian's kernel with an initramfs of this machine's own programs. Boots in 2 s and forgets
# everything. See README.md.
set -euo pipefail
# shellcheck source=tests/testbed/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/testbed/kernel.sh
. "$TESTBED/kernel.sh"
# shellcheck source=tests/testbed/root_files.sh
. "$TESTBED/root_files.sh"
# shellcheck source=tests/testbed/guest_command.sh
. "$TESTBED/guest_command.sh"
# shellcheck source=tests/testbed/machine.sh
. "$TESTBED/machine.sh"

MODULES=(
  virtio_pci virtio_console virtio_rng
  nfsv4 veth bridge dummy tcp_diag inet_diag unix_diag sch_netem
  gcm ctr ccm ghash-generic chacha20poly1305 chacha_generic poly1305_generic aesni-intel
  loop overlay ext4
)
# Debian 11's cloud kernel has no kTLS.
[[ $EFS_KERNEL == 5.10 ]] || MODULES+=(tls)
PROGRAMS=(
  bash mount umount findmnt mountpoint nsenter unshare losetup setpriv flock prlimit
  fsfreeze mkfs.ext4
  ip ss stat df sha256sum timeout sleep date dd cp mv ls tar cat env readlink chown chmod touch
  head tail sort wc tr cut grep sed awk mktemp sysctl ps openssl pgrep hostname mkfifo setsid find tee fio
)

# The machine's tools and its NFS server: everything except the project.
micro_root() {
  local root=$1
  put_tree "$root"
  put_programs "$root" "${PROGRAMS[@]}"
  put_ganesha "$root"
  # The kernel asks for its modules by this path. Not busybox: its modprobe does not wait for a module
  # that another process is just loading, and two mounts at the same time would see no NFS client.
  put_programs "$root" kmod
  ln -s ../bin/kmod "$root/usr/sbin/modprobe"
  put_busybox "$root"
  put_modules "$root" "${MODULES[@]}"
  # The client libraries look for their authorities here; the world puts the simulator's in.
  mkdir -p "$root/etc/ssl/certs" "$root/usr/lib/ssl"
  touch "$root/etc/ssl/certs/ca-certificates.crt"
  cp /etc/ssl/openssl.cnf "$root/usr/lib/ssl/"
  ln -sf /proc/self/mounts "$root/etc/mtab"
  printf 'root:x:0:0:root:/root:/bin/bash\nefs-user:x:1000:1000::/tmp:/bin/bash\nnobody:x:65534:65534::/:/bin/sh\n' \
    >"$root/etc/passwd"
  printf 'root:x:0:\nefs-user:x:1000:\nnogroup:x:65534:\n' >"$root/etc/group"
  printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
  install -D -m 755 "$TESTBED/guest/init" "$root/init"
}

# no_kernel OUT: the cases have nothing to run on; verdict.sh tells it for each.
no_kernel() {
  say "SKIPPED: Debian's mirrors do not carry a cloud kernel $EFS_KERNEL any more" | tee "$1/no-kernel"
}

main() {
  [[ $# -ge 3 ]] || die "usage: micro.sh BIN OUT COMMAND [ARGUMENT...]"
  local bin out root started=$EPOCHREALTIME status=0
  bin="$(realpath "$1")"; mkdir -p "$2"; out="$(realpath "$2")"; shift 2
  efs_packages test load machine
  testbed_kernel || status=$?
  if [[ $status -eq $KERNEL_GONE ]]; then no_kernel "$out"; return 0; fi
  [[ $status -eq 0 ]] || return "$status"
  root="$(mktemp -d "${TMPDIR:-/tmp}/efs-micro.XXXXXX")"
  # shellcheck disable=SC2064  # the path of now
  trap "rm -rf '$root'" EXIT
  micro_root "$root/root"
  put_project "$root/root" "$bin"
  guest_command guest "$@" >"$root/root/efsmount/command"
  pack_cpio "$root/root" "$root/initrd"
  rm -rf "$root/root"
  say "guest image: $(($(stat -c %s "$root/initrd") / 1048576)) MiB, built in $(seconds_since "$started")"
  machine_run "${EFS_GUEST_LIMIT:-600}" "$out" "$root/initrd" "mitigations=off audit=0" || status=$?
  return $status
}

main "$@"
