# shellcheck shell=bash
# The disk of the guest that runs systemd: a minimal Debian 12 with what our package would depend on.
# Cached by the hash of everything it is made of. Sourced; needs lib.sh, kernel.sh and root_files.sh.

# shellcheck source=tests/testbed/packages.sh
. "$TESTBED/packages.sh"

DISK_MODULES=(
  virtio_pci virtio_blk virtio_rng virtio_console nfsv4 tls veth bridge dummy tcp_diag inet_diag unix_diag
  gcm ctr ccm ghash-generic chacha20poly1305 chacha_generic poly1305_generic aesni-intel autofs4
)
# Units that cost time at boot and have nothing to do with mounting.
MASKED_UNITS=(
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service console-getty.service
  systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-logind.service
  systemd-pstore.service systemd-binfmt.service systemd-hwdb-update.service systemd-firstboot.service
  ldconfig.service systemd-machine-id-commit.service nfs-ganesha.service nfs-ganesha-lock.service
  rpcbind.service rpcbind.socket rpc-statd.service nfs-client.target sys-kernel-tracing.mount
  sys-kernel-debug.mount dev-hugepages.mount dev-mqueue.mount modprobe@drm.service
)

# systemd_image: makes sure that the disk is in the cache; sets DISK_IMAGE and BOOT_CPIO.
systemd_image() {
  local hash
  hash="$(printf '%s\n' "${EFS_PACKAGES_guest[@]}" "${DISK_MODULES[@]}" "${MASKED_UNITS[@]}" \
    "$KERNEL_VERSION" "$(sha256sum "$TESTBED/systemd_image.sh" "$TESTBED/root_files.sh" "$TESTBED/guest/boot-init")" |
    sed 's| .*/| |' | sha256sum | cut -c1-12)"
  DISK_IMAGE="$EFS_CACHE/systemd-$hash.ext4"
  BOOT_CPIO="$EFS_CACHE/systemd-$hash.cpio"
  with_lock image make_image
}

make_image() {
  [[ ! -s "$DISK_IMAGE" || ! -s "$BOOT_CPIO" ]] || return 0
  local work
  work="$(mktemp -d "$EFS_CACHE/image.XXXXXX")"
  # A failure leaves nothing half-made behind.
  if ! fetch_root || ! make_disk "$work" || ! make_boot_cpio "$work"; then
    rm -rf "$work"
    die "the systemd image could not be made"
  fi
  rm -rf "$work"
}

# The packages, as a tar; kept apart from the disk because it is what takes long.
fetch_root() {
  local started=$EPOCHREALTIME packages sources
  packages="$(IFS=,; echo "${EFS_PACKAGES_guest[*]}")"
  ROOT_TAR="$EFS_CACHE/root-$(sha256sum <<<"$packages" | cut -c1-12).tar"
  [[ ! -s "$ROOT_TAR" ]] || return 0
  # The machine's own mirror, in the new form or the old one.
  sources=/etc/apt/sources.list.d/debian.sources
  [[ -s "$sources" ]] || sources=/etc/apt/sources.list
  say "making the systemd image: downloading $(wc -w <<<"${EFS_PACKAGES_guest[*]}") packages and what they need"
  timeout -k 5 900 mmdebstrap --quiet --format=tar --variant=minbase --mode=root \
    --include="$packages" --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --dpkgopt=force-unsafe-io bookworm "$ROOT_TAR.part" "$sources" || return 1
  mv "$ROOT_TAR.part" "$ROOT_TAR"
  say "packages of the systemd image fetched in $(seconds_since "$started")"
}

make_disk() {
  local root="$1/root" unit size
  mkdir "$root"
  tar -C "$root" --numeric-owner -xf "$ROOT_TAR"
  rm -rf "${root:?}"/var/cache/apt/* "${root:?}"/var/lib/apt/lists/* "${root:?}"/dev/*
  put_modules "$root" "${DISK_MODULES[@]}"
  echo vm >"$root/etc/hostname"
  printf '127.0.0.1 localhost vm\n' >"$root/etc/hosts"
  printf '0123456789abcdef0123456789abcdef\n' >"$root/etc/machine-id"
  mkdir -p "$root"/etc/systemd/{journald,system}.conf.d
  printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/guest.conf"
  for unit in "${MASKED_UNITS[@]}"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
  size="$(du -s --block-size=1M "$root" | cut -f1)"
  # Beside the final name first: a broken image must not look like a good one.
  mke2fs -q -t ext4 -O '^has_journal,^metadata_csum,^64bit' -E lazy_itable_init=1,root_owner=0:0 -m 0 \
    -L root -d "$root" "$DISK_IMAGE.part" "$((size + size / 8 + 512))M" || return 1
  mv "$DISK_IMAGE.part" "$DISK_IMAGE"
}

make_boot_cpio() {
  local root="$1/boot"
  put_tree "$root"
  install -m 755 /bin/busybox "$root/usr/bin/busybox"
  ln -s ../bin/busybox "$root/usr/sbin/modprobe"
  put_modules "$root" virtio_pci virtio_blk virtio_console virtio_rng
  install -m 755 "$TESTBED/guest/boot-init" "$root/init"
  pack_cpio "$root" "$BOOT_CPIO"
}
