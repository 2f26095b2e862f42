# shellcheck shell=bash
# What every script of the test bed shares: places, messages, time. Sourced.

TESTBED="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SOURCE="$(cd "$TESTBED/../.." && pwd)"
# Kernel and disk image, kept between runs (a clone may be thrown away, the cache need not be).
EFS_CACHE="${EFS_CACHE:-${XDG_CACHE_HOME:-${HOME:-$SOURCE/build}/.cache}/efsmount}"

# shellcheck source=tests/testbed/packages.sh
. "$TESTBED/packages.sh"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# seconds_since START (a value of $EPOCHREALTIME): "1.25 s".
seconds_since() {
  local now=${EPOCHREALTIME/[.,]/} start=${1/[.,]/}
  local ms=$(((now - start) / 1000))
  printf '%d.%02d s' $((ms / 1000)) $((ms % 1000 / 10))
}

# with_lock NAME COMMAND...: what fills the cache must not run twice at once.
with_lock() {
  local name=$1; shift
  mkdir -p "$EFS_CACHE"
  ( flock -w 900 9 || die "another run has held $EFS_CACHE/$name.lock for 15 minutes"
    "$@" ) 9>"$EFS_CACHE/$name.lock"
}
