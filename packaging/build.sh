#!/usr/bin/env bash
# build.sh FORMAT... [--arch amd64|arm64] [--build DIR] [--output DIR]
# Makes packages in DIR (default: build) and prints the path of each. FORMAT:
#   deb        efsmount_VERSION_ARCH.deb
#   rpm        efsmount-VERSION-1.MACHINE.rpm, for Amazon Linux 2023 and RHEL 9
#   tar        efsmount-VERSION-MACHINE.tar.xz with install.sh, for images without a package manager
#   programs   only builds; nothing is printed
# The programs are built first, in build/package (arm64: build/package-arm64), without tests; --build takes another
# tree of CMake's as it is. Needs Debian 12 with the packages `build`, for arm64 also `arm64`, of
# tests/testbed/packages.sh, for rpm also rpmbuild; neither root nor network nor a machine of that architecture.
# SOURCE_DATE_EPOCH makes the result reproducible; it defaults to the time of the last commit.
set -euo pipefail

PACKAGING="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SOURCE="$(dirname "$PACKAGING")"

die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

# shellcheck source=packaging/lib/facts.sh
. "$PACKAGING/lib/facts.sh"
# shellcheck source=packaging/lib/stage.sh
. "$PACKAGING/lib/stage.sh"
# shellcheck source=packaging/lib/deb.sh
. "$PACKAGING/lib/deb.sh"
# shellcheck source=packaging/lib/rpm.sh
. "$PACKAGING/lib/rpm.sh"
# shellcheck source=packaging/lib/tar.sh
. "$PACKAGING/lib/tar.sh"

build_programs() {
  local -a cross=()
  BUILD="$SOURCE/build/package"
  if [[ $ARCHITECTURE != "$(dpkg --print-architecture)" ]]; then
    BUILD="$SOURCE/build/package-$ARCHITECTURE"
    cross=("--toolchain" "$SOURCE/cmake/$MACHINE-linux-gnu.cmake")
  fi
  (cd "$SOURCE" && cmake --preset release -B "$BUILD" -DEFS_TESTS=OFF "${cross[@]}" &&
    cmake --build "$BUILD" --target programs) >&2
}

# Sets FORMATS, ARCHITECTURE, BUILD and OUTPUT.
read_arguments() {
  FORMATS=()
  BUILD=""
  OUTPUT="$SOURCE/build"
  ARCHITECTURE="$(dpkg --print-architecture)"
  while [[ $# -gt 0 ]]; do
    case $1 in
      --arch | --build | --output)
        [[ $# -ge 2 ]] || die "$1 needs a value"
        case $1 in
          --arch) ARCHITECTURE=$2 ;;
          --build) BUILD="$(realpath -m "$2")" ;;
          --output) OUTPUT=$2 ;;
        esac
        shift 2 ;;
      -h | --help) sed -n '2,/^set /{/^#/s/^# \?//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
      deb | rpm | tar | programs) FORMATS+=("$1"); shift ;;
      *) die "unknown argument $1; see --help" ;;
    esac
  done
  [[ ${#FORMATS[@]} -gt 0 ]] || die "deb, rpm, tar or programs? See --help"
}

main() {
  local format
  read_arguments "$@"
  find_facts
  umask 022
  [[ -n "$BUILD" ]] || build_programs
  WORK="$(mktemp -d "${TMPDIR:-/tmp}/efsmount-package.XXXXXX")"
  trap 'rm -rf "$WORK"' EXIT
  for format in "${FORMATS[@]}"; do
    [[ $format != programs ]] || continue
    ROOT="$WORK/$format/root"
    stage_"$format"
    mkdir -p "$OUTPUT"
    make_"$format"
  done
}

main "$@"
