# shellcheck shell=bash
# shellcheck disable=SC2034  # the lists are found by name
# The Debian 12 packages this project needs, one list per purpose, and the function that installs
# what is missing. Sourced by run.sh, test.sh and the test bed; nothing else names a package.

# To build the programs.
EFS_PACKAGES_build=(
  g++ cmake ninja-build ccache pkg-config
  libssl-dev libcurl4-openssl-dev libfmt-dev nlohmann-json3-dev libexpected-dev
  libmount-dev libinih-dev libc-ares-dev libgtest-dev libgmock-dev
)
# What the release before needs beside that.
EFS_PACKAGES_former=(libspdlog-dev libsystemd-dev)
# To make packages for arm64 on amd64, and to run what is made (after dpkg --add-architecture arm64).
EFS_PACKAGES_arm64=(
  g++-aarch64-linux-gnu qemu-user libssl-dev:arm64 libcurl4-openssl-dev:arm64 libfmt-dev:arm64
  libmount-dev:arm64 libinih-dev:arm64 libc-ares-dev:arm64
)
# To run the unit and integration tests.
EFS_PACKAGES_test=(
  bash coreutils util-linux e2fsprogs procps iproute2 openssl ca-certificates libcurl4
  nfs-ganesha nfs-ganesha-vfs nfs-ganesha-mem
  python3 python3-yaml dpkg-dev binutils adduser rpm cpio xz-utils passwd nftables
  apparmor checkpolicy make selinux-policy-dev  # only to compile the sources of packaging/selinux and packaging/apparmor
)
# The load of the end-to-end tests.
EFS_PACKAGES_load=(fio)
# Programs of others that ours are held against: Amazon's own signing code, Prometheus ...
EFS_PACKAGES_peer=(stunnel4 python3 python3-venv python3-botocore python3-cryptography libnfs-utils prometheus)
# The virtual machine of the end-to-end tests.
EFS_PACKAGES_machine=(qemu-system-x86 busybox-static cpio kmod xz-utils)
# The disk image of the machine that runs systemd.
EFS_PACKAGES_image=(mmdebstrap e2fsprogs)
# Format, lint, shell checks.
EFS_PACKAGES_lint=(clang-format clang-tidy clang-tools shellcheck git)
# The searches of tests/fuzz/campaign.sh.
EFS_PACKAGES_fuzz=(clang-14 libclang-rt-14-dev)
# Installed inside the systemd image.
EFS_PACKAGES_guest=(
  systemd systemd-sysv udev dbus iproute2 kmod mount libmount1 procps ca-certificates openssl
  libssl3 libcurl4 libfmt9 libstdc++6 libc-ares2 libinih1 netbase
  nfs-ganesha nfs-ganesha-vfs nfs-ganesha-mem
)

efs_package_missing() {
  [[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" != ii* ]]
}

# efs_apt_update: refresh the package lists, at most once per run.
efs_apt_update() {
  [[ -z "${EFS_APT_UPDATED:-}" ]] || return 0
  timeout 300 apt-get update -qq -o Acquire::Retries=3 || return 1
  export EFS_APT_UPDATED=1
}

# efs_without_services COMMAND...: what COMMAND installs starts no service (Debian's packages do, and tests want
# programs, not daemons): invoke-rc.d(8) asks policy-rc.d. One that is there already decides.
efs_without_services() (
  local policy=${EFS_POLICY:-/usr/sbin/policy-rc.d}
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@"
)

# efs_foreign_packages ARCHITECTURE: the list of that name, packages of another machine among them.
efs_foreign_packages() {
  if ! dpkg --print-foreign-architectures | grep -qx "$1"; then
    [[ $EUID -eq 0 ]] || { echo "run as root: dpkg --add-architecture $1" >&2; return 1; }
    dpkg --add-architecture "$1"
    efs_apt_update || { echo "apt-get update failed: is the package mirror reachable?" >&2; return 1; }
  fi
  efs_packages "$1"
}

# efs_packages PURPOSE...: install what is missing of these lists. Costs nothing when all is there.
efs_packages() {
  local purpose name missing=()
  for purpose in "$@"; do
    local -n list="EFS_PACKAGES_$purpose"
    for name in "${list[@]}"; do
      if efs_package_missing "$name"; then missing+=("$name"); fi
    done
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]]; then
    echo "packages missing: ${missing[*]}. Install them as root, then run again." >&2
    return 1
  fi
  echo "installing: ${missing[*]}"
  local install=(timeout 900 apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3
                 -o Dpkg::Use-Pty=0 "${missing[@]}")
  export DEBIAN_FRONTEND=noninteractive
  # The lists may be absent or stale (old point versions leave the mirror): refresh, then once more.
  if efs_without_services "${install[@]}" >/dev/null 2>&1; then return 0; fi
  efs_apt_update || { echo "apt-get update failed: is the package mirror reachable?" >&2; return 1; }
  efs_without_services "${install[@]}" >/dev/null
}
