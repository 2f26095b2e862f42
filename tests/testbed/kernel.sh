# shellcheck shell=bash
# The guest's kernel: Debian's cloud kernel, fetched as a package and unpacked into the cache; it is
# never installed on this machine. Sourced; needs lib.sh.

KERNEL_TREE="$EFS_CACHE/kernel"

# kernel_version: of the newest kernel in the cache; empty when there is none.
kernel_version() {
  local modules
  for modules in "$KERNEL_TREE"/lib/modules/*/modules.dep; do
    if [[ -s "$modules" ]]; then basename "$(dirname "$modules")"; fi
  done | sort -V | tail -1
}

kernel_fetch() {
  [[ -z "$(kernel_version)" ]] || return 0
  local started=$EPOCHREALTIME package work
  work="$(mktemp -d "$EFS_CACHE/kernel.XXXXXX")"
  package="$(kernel_package)"
  if [[ -z "$package" ]] || ! (cd "$work" && kernel_download "$package"); then
    efs_apt_update || true
    package="$(kernel_package)"
    (cd "$work" && kernel_download "$package") ||
      { rm -rf "$work"; die "cannot download the kernel package '$package': is the mirror reachable?"; }
  fi
  timeout 120 dpkg-deb -x "$work"/linux-image-*.deb "$work/tree"
  depmod -b "$work/tree" "${package#linux-image-}"
  rm -rf "$KERNEL_TREE"
  mv "$work/tree" "$KERNEL_TREE"
  rm -rf "$work"
  say "kernel $(kernel_version) fetched in $(seconds_since "$started")"
}

# The name of the current kernel package: what the meta package points to today.
kernel_package() {
  apt-cache depends linux-image-cloud-amd64 2>/dev/null |
    sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1
}
kernel_download() { timeout 300 apt-get download -qq -o Acquire::Retries=3 "$1" 2>/dev/null; }

# testbed_kernel: make sure that the kernel is there; sets KERNEL_VERSION and KERNEL_IMAGE.
testbed_kernel() {
  with_lock kernel kernel_fetch || return 1
  KERNEL_VERSION="$(kernel_version)"
  KERNEL_IMAGE="$KERNEL_TREE/boot/vmlinuz-$KERNEL_VERSION"
  [[ -s "$KERNEL_IMAGE" ]] || die "no kernel image $KERNEL_IMAGE; delete $KERNEL_TREE and run again"
}

# put_modules ROOT MODULE...: these modules and what they need into ROOT/usr/lib/modules.
put_modules() {
  local root=$1 tree="$KERNEL_TREE/lib/modules/$KERNEL_VERSION" module file
  local target="$root/usr/lib/modules/$KERNEL_VERSION"
  shift
  mkdir -p "$target"
  for module in "$@"; do
    modprobe -d "$KERNEL_TREE" -S "$KERNEL_VERSION" --show-depends "$module" ||
      die "the kernel has no module $module"
  done | awk '$1 == "insmod" {print $2}' | sort -u | while read -r file; do
    install -D -m 644 "$file" "$target/${file#"$tree/"}"
  done
  install -m 644 "$tree"/modules.{builtin,builtin.modinfo,order} "$target/"
  depmod -b "$root/usr" "$KERNEL_VERSION"
}
