#!/usr/bin/env bash
# build-deb.sh [--bin DIR | --programs] [OUTPUT_DIR]
# Makes efsmount_VERSION_ARCH.deb in OUTPUT_DIR (default: build) and prints its path. The programs come
# from DIR, the folder bin of a build; without --bin the release preset is built first, in build/package
# and without tests. --programs only builds. Needs no root. For Debian 12.
# SOURCE_DATE_EPOCH makes the result reproducible; it defaults to the time of the last commit.
set -euo pipefail

PACKAGING="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SOURCE="$(dirname "$PACKAGING")"
MAINTAINER="efsmount authors <maintainers@efsmount.invalid>"
UNIT=amazon-efs-mount-watchdog.service
AUTHORITIES="${EFS_CA_SOURCE:-/usr/share/ca-certificates/mozilla}"

die() { printf 'build-deb.sh: %s\n' "$*" >&2; exit 1; }

version_of_project() { sed -n 's/^project(efsmount VERSION \([0-9.]*\).*/\1/p' "$SOURCE/CMakeLists.txt"; }
# The efs-utils release whose place we take: what a package that depends on it may ask for.
version_of_contract() {
  sed -n 's/.*kContractVersion = "\([0-9.]*\)".*/\1/p' "$SOURCE/common/base/include/efs/base/version.h"
}
commit_time() { git -C "$SOURCE" log -1 --format=%ct 2>/dev/null || stat -c %Y "$SOURCE/CMakeLists.txt"; }

build_release() {
  (cd "$SOURCE" && cmake --preset release -B build/package -DEFS_TESTS=OFF &&
    cmake --build build/package --target programs) >&2
}

put_compressed() { install -d "$(dirname "$ROOT$2")" && gzip -9n <"$1" >"$ROOT$2" && chmod 644 "$ROOT$2"; }

# What the build installs, where it says (efs_program() in cmake/Layers.cmake), stripped as Debian strips.
# The helpers go to /sbin, not to /usr/sbin, although Debian 12 has merged the two: amazon-efs-utils
# ships the same names there, and dpkg compares names. Under the other name it would delete our file
# together with the package it replaces.
put_programs() {
  DESTDIR="$ROOT" cmake --install "$BUILD" --component programs >/dev/null ||
    die "$BUILD has no programs to install: --bin names the folder bin of a build"
  mapfile -t PROGRAMS < <(find "$ROOT" -type f | LC_ALL=C sort)
  strip --strip-unneeded --remove-section=.comment --remove-section=.note "${PROGRAMS[@]}"
}

# The certificates that mount targets are signed with, out of Debian's own collection.
put_authorities() {
  local name file bundle="$ROOT/etc/amazon/efs/efs-utils.crt"
  install -d "$(dirname "$bundle")"
  for name in Amazon_Root_CA_{1,2,3,4} Starfield_Services_Root_Certificate_Authority_-_G2 \
    Starfield_Root_Certificate_Authority_-_G2 Starfield_Class_2_CA; do
    file="$AUTHORITIES/$name.crt"
    [[ -s "$file" ]] || die "$file is missing: install the package ca-certificates"
    printf '# %s\n' "${name//_/ }"
    cat "$file"
  done >"$bundle"
  chmod 444 "$bundle"
}

put_files() {
  local page
  install -D -m 644 "$SOURCE/config/efs-utils.conf" "$ROOT/etc/amazon/efs/efs-utils.conf"
  install -D -m 644 "$SOURCE/systemd/$UNIT" "$ROOT/lib/systemd/system/$UNIT"
  install -d "$ROOT/var/log/amazon/efs"
  for page in "$PACKAGING"/man/*.8; do
    put_compressed "$page" "/usr/share/man/man8/${page##*/}.gz"
  done
}

put_documentation() {
  local folder="$ROOT/usr/share/doc/efsmount"
  install -d "$folder"
  install -m 644 "$SOURCE/config/README.md" "$folder/config.md"
  install -m 644 "$SOURCE/efsctl/README.md" "$folder/efsctl.md"
  install -m 644 "$PACKAGING/deb/copyright" "$folder/copyright"
  printf 'efsmount (%s) bookworm; urgency=medium\n\n  * Release %s.\n\n -- %s  %s\n' \
    "$VERSION" "$VERSION" "$MAINTAINER" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$WORK/changelog"
  put_compressed "$WORK/changelog" /usr/share/doc/efsmount/changelog.gz
  install -D -m 644 "$PACKAGING/deb/lintian-overrides" "$ROOT/usr/share/lintian/overrides/efsmount"
}

# Shared libraries the programs are linked with, as package names with versions.
shared_library_packages() {
  # It wants to be called where a source package is built.
  printf 'Source: efsmount\n\nPackage: efsmount\nArchitecture: any\n' >"$WORK/debian/control"
  (cd "$WORK" && dpkg-shlibdeps -O "${@/#/-e}") | sed -n 's/^shlibs:Depends=//p'
}

put_control() {
  local libraries
  install -d "$ROOT/DEBIAN"
  libraries="$(shared_library_packages "${PROGRAMS[@]}")"
  [[ -n "$libraries" ]] || die "dpkg-shlibdeps found no library"
  # libcurl is opened at run time, so the linker does not know it.
  cat >"$ROOT/DEBIAN/control" <<CONTROL
Package: efsmount
Version: $VERSION
Architecture: $ARCHITECTURE
Maintainer: $MAINTAINER
Installed-Size: $(du -k -s --exclude=DEBIAN "$ROOT" | cut -f1)
Depends: adduser, libcurl4, mount, $libraries
Recommends: ca-certificates, kmod
Provides: amazon-efs-utils (= $(version_of_contract))
Conflicts: amazon-efs-utils
Replaces: amazon-efs-utils
Section: net
Priority: optional
Description: mount helper, TLS tunnel and watchdog for Amazon EFS
 Mounts Amazon Elastic File System file systems with the kernel's NFSv4.1
 client: "mount -t efs" finds the mount target, starts an encrypted and
 IAM-signed tunnel and mounts through it. A watchdog replaces tunnels that die
 and renews certificates.
 .
 It takes the place of amazon-efs-utils: the same options, configuration file,
 state files and logs, without Python, stunnel or nfs-common.
CONTROL
  echo /etc/amazon/efs/efs-utils.conf >"$ROOT/DEBIAN/conffiles"
  install -m 755 "$PACKAGING"/deb/{postinst,prerm,postrm} "$ROOT/DEBIAN/"
  (cd "$ROOT" && find . -path ./DEBIAN -prune -o -type f ! -path ./etc/amazon/efs/efs-utils.conf -printf '%P\0' |
    LC_ALL=C sort -z | xargs -0 md5sum) >"$ROOT/DEBIAN/md5sums"
  chmod 644 "$ROOT"/DEBIAN/{control,conffiles,md5sums}
}

main() {
  BUILD=""
  local output="$SOURCE/build"
  while [[ $# -gt 0 ]]; do
    case $1 in
      --bin) [[ $# -ge 2 ]] || die "--bin needs a directory"; BUILD="$(realpath -m "$2/..")"; shift 2 ;;
      --programs) build_release; exit 0 ;;
      -h | --help) sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
      -*) die "unknown option $1; see --help" ;;
      *) output="$1"; shift ;;
    esac
  done
  if [[ -z "$BUILD" ]]; then
    build_release
    BUILD="$SOURCE/build/package"
  fi
  umask 022
  WORK="$(mktemp -d "${TMPDIR:-/tmp}/efsmount-deb.XXXXXX")"
  trap 'rm -rf "$WORK"' EXIT
  ROOT="$WORK/debian/efsmount"
  VERSION="$(version_of_project)"
  ARCHITECTURE="$(dpkg --print-architecture)"
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(commit_time)}"
  [[ -n "$VERSION" && -n "$(version_of_contract)" ]] || die "no version found in the sources"
  put_programs
  put_authorities
  put_files
  put_documentation
  put_control
  mkdir -p "$output"
  local package="$output/efsmount_${VERSION}_$ARCHITECTURE.deb"
  dpkg-deb --root-owner-group -Zxz --build "$ROOT" "$package" >/dev/null
  printf '%s\n' "$package"
}

main "$@"
