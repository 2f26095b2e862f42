# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the files beside it
# What every package says of itself. Sourced by build.sh.

MAINTAINER="efsmount authors <maintainers@efsmount.invalid>"
HOMEPAGE="https://efsmount.invalid"
SUMMARY="mount helpers, TLS tunnel and watchdog for Amazon EFS and S3 Files"
DESCRIPTION="Mounts Amazon Elastic File System and Amazon S3 Files file systems with the
kernel's NFSv4 client: \"mount -t efs\" or \"mount -t s3files\" finds the mount
target, starts an encrypted and IAM-signed tunnel and mounts through it. A watchdog replaces tunnels that die
and renews certificates.

It takes the place of amazon-efs-utils: the same options, configuration file,
state files and logs, without Python, stunnel or nfs-common."
UNIT=amazon-efs-mount-watchdog.service
AUTHORITIES="${EFS_CA_SOURCE:-/usr/share/ca-certificates/mozilla}"

# Debian's packages of the libraries that are parts of our programs: their licences and versions go into each package.
# name, package, SPDX's name of the licence. `:` stands for the architecture.
LINKED_IN=(
  "c-ares libc-ares-dev: MIT"
  "inih libinih-dev: BSD-3-Clause"
  "fmt libfmt-dev: MIT"
  "nlohmann-json nlohmann-json3-dev MIT"
  "expected libexpected-dev CC0-1.0"
  "libstdc++ libstdc++-12-dev: GPL-3.0-or-later WITH GCC-exception-3.1"
)

commit_time() { git -C "$SOURCE" log -1 --format=%ct 2>/dev/null || stat -c %Y "$SOURCE/CMakeLists.txt"; }

# Sets VERSION, CONTRACT (the efs-utils release whose place we take: what a package that depends on it may ask for),
# MACHINE and STRIP of ARCHITECTURE, and SOURCE_DATE_EPOCH.
find_facts() {
  VERSION="$(sed -n 's/^project(efsmount VERSION \([0-9.]*\).*/\1/p' "$SOURCE/CMakeLists.txt")"
  CONTRACT="$(sed -n 's/.*kContractVersion = "\([0-9.]*\)".*/\1/p' "$SOURCE/common/base/include/efs/base/version.h")"
  [[ -n "$VERSION" && -n "$CONTRACT" ]] || die "no version found in the sources"
  case $ARCHITECTURE in
    amd64) MACHINE=x86_64 ;;
    arm64) MACHINE=aarch64 ;;
    *) die "architecture $ARCHITECTURE: amd64 and arm64 are known" ;;
  esac
  STRIP=$MACHINE-linux-gnu-strip
  command -v "$STRIP" >/dev/null || die "$STRIP is missing: install binutils-${MACHINE/_/-}-linux-gnu"
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(commit_time)}"
}
