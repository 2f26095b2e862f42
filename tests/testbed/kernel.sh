# shellcheck shell=bash
# The guest's kernel: Debian's cloud kernel, fetched as a package and unpacked into the cache; it is
# never installed on this machine. EFS_KERNEL chooses: 6.1 (Debian 12, the default), 6.12 (Debian 13) or
# 5.10 (Debian 11). Sourced; needs lib.sh.

EFS_KERNEL="${EFS_KERNEL:-6.1}"
case $EFS_KERNEL in
  6.1) KERNEL_SUITE=bookworm KERNEL_TREE="$EFS_CACHE/kernel" ;;
  6.12) KERNEL_SUITE=trixie KERNEL_TREE="$EFS_CACHE/kernel-6.12" ;;
  5.10) KERNEL_SUITE=bullseye KERNEL_TREE="$EFS_CACHE/kernel-5.10" ;;
  *) die "EFS_KERNEL must be 6.1, 6.12 or 5.10, not $EFS_KERNEL" ;;
esac
KERNEL_APT_HOME="$EFS_CACHE/apt-$KERNEL_SUITE"  # lists and settings for that suite
KERNEL_GONE=77                                  # status: the mirrors have no such kernel any more
DEBIAN_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

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
  kernel_suites
  work="$(mktemp -d "$EFS_CACHE/kernel.XXXXXX")"
  package="$(kernel_package)"
  if [[ -z "$package" ]] || ! (cd "$work" && kernel_download "$package"); then
    kernel_lists || { rm -rf "$work"; kernel_gone; }
    package="$(kernel_package)"
    (cd "$work" && kernel_download "$package") ||
      { rm -rf "$work"; die "cannot download the kernel package '$package': is the mirror reachable?"; }
  fi
  kernel_unpack "$work" "${package#linux-image-}"
  say "kernel $(kernel_version) fetched in $(seconds_since "$started")"
}
# kernel_gone: ends kernel_fetch where the mirrors have no such suite: only Debian 11 may leave them.
kernel_gone() {
  [[ $EFS_KERNEL == 5.10 ]] || die "the mirrors of this machine have no suite $KERNEL_SUITE"
  exit "$KERNEL_GONE"
}
# kernel_unpack WORK VERSION: the package in WORK becomes $KERNEL_TREE.
kernel_unpack() {
  timeout 120 dpkg-deb -x "$1"/linux-image-*.deb "$1/tree" || die "cannot unpack the kernel package"
  # Debian 13 has its modules below /usr.
  [[ -e "$1/tree/lib" ]] || ln -s usr/lib "$1/tree/lib"
  depmod -b "$1/tree" "$2"
  rm -rf "$KERNEL_TREE"
  mv "$1/tree" "$KERNEL_TREE"
  rm -rf "$1"
}

# kernel_suites: an apt of its own for a suite that is not this machine's: the machine's mirrors with
# the suite's name in place of ours, and its settings, which stay as they are. Everything must be signed
# by Debian (the key ring of a release knows its neighbours' keys). A suite without updates any more has
# Release files whose time is over: that alone is forgiven.
kernel_suites() {
  local ours uri suite component
  ours="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
  KERNEL_APT=()
  [[ $KERNEL_SUITE != "$ours" ]] || return 0
  mkdir -p "$KERNEL_APT_HOME"/{lists/partial,cache/archives/partial}
  # shellcheck disable=SC2016  # apt's own variables
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    while read -r uri suite component; do
      case $suite in  # neither backports nor proposals
        "$ours" | "$ours-updates" | "$ours-security") ;;
        *) continue ;;
      esac
      printf 'deb [signed-by=%s] %s %s %s\n' "$DEBIAN_KEYS" "$uri" "${suite/#$ours/$KERNEL_SUITE}" "$component"
    done | sort -u >"$KERNEL_APT_HOME/sources.list"
  [[ -s "$KERNEL_APT_HOME/sources.list" ]] || die "no apt source of this machine names its release ($ours)"
  # What the machine runs after an update is not for this one.
  printf '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n' >"$KERNEL_APT_HOME/conf"
  KERNEL_APT=(-c "$KERNEL_APT_HOME/conf" -o Dir::State::lists="$KERNEL_APT_HOME/lists"
    -o Dir::Cache="$KERNEL_APT_HOME/cache" -o Dir::Etc::sourcelist="$KERNEL_APT_HOME/sources.list"
    -o Dir::Etc::sourceparts=- -o APT::Default-Release= -o Acquire::Check-Valid-Until=false
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
}
# kernel_lists: the newest package lists. False when the mirror answers that it has no such suite.
kernel_lists() {
  local words
  if [[ ${#KERNEL_APT[@]} -eq 0 ]]; then
    efs_apt_update || true
  elif ! words="$(timeout 300 apt-get update -qq "${KERNEL_APT[@]}" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any 2>&1)"; then
    printf '%s\n' "$words" >&2
    # A suite of several that is gone (updates, security) leaves the others.
    [[ -z "$(kernel_package)" ]] || return 0
    ! grep -q 'does not have a Release file' <<<"$words" || return 1
  fi
}

# The name of the current kernel package: what the meta package points to today.
kernel_package() {
  apt-cache "${KERNEL_APT[@]}" depends linux-image-cloud-amd64 2>/dev/null |
    sed -n "s/.*Depends: \(linux-image-${EFS_KERNEL//./\\.}\.[0-9].*\)/\1/p" | head -1
}
kernel_download() { timeout 300 apt-get download -qq "${KERNEL_APT[@]}" -o Acquire::Retries=3 "$1" 2>/dev/null; }

# testbed_kernel: make sure that the kernel is there; sets KERNEL_VERSION and KERNEL_IMAGE. Returns
# KERNEL_GONE where Debian's mirrors have dropped 5.10.
testbed_kernel() {
  local status=0
  with_lock "${KERNEL_TREE##*/}" kernel_fetch || status=$?
  [[ $status -eq 0 ]] || return "$status"
  KERNEL_VERSION="$(kernel_version)"
  KERNEL_IMAGE="$KERNEL_TREE/boot/vmlinuz-$KERNEL_VERSION"
  [[ -s "$KERNEL_IMAGE" ]] || die "no kernel image $KERNEL_IMAGE; delete $KERNEL_TREE and run again"
}

# put_modules ROOT MODULE...: these modules and what they need into ROOT/usr/lib/modules, uncompressed:
# an emulated machine is slow at that.
put_modules() {
  local root=$1 tree="$KERNEL_TREE/lib/modules/$KERNEL_VERSION" module file
  local target="$root/usr/lib/modules/$KERNEL_VERSION"
  shift
  mkdir -p "$target"
  for module in "$@"; do
    modprobe -d "$KERNEL_TREE" -S "$KERNEL_VERSION" --show-depends "$module" ||
      die "the kernel has no module $module"
  done | awk '$1 == "insmod" {print $2}' | sort -u | while read -r file; do
    put_module "$file" "$target/${file#"$tree/"}"
  done
  install -m 644 "$tree"/modules.{builtin,builtin.modinfo,order} "$target/"
  depmod -b "$root/usr" "$KERNEL_VERSION"
}
# put_module FILE TARGET
put_module() {
  mkdir -p "$(dirname "$2")"
  case $1 in
    *.ko.xz) xz -dc "$1" >"${2%.xz}" ;;
    *.ko) cp "$1" "$2" ;;
    *) die "the kernel's module $1 is compressed in a way this test bed does not know" ;;
  esac
}
