#!/bin/sh
# install.sh [--root DIR] [--prefix DIR] [--uninstall]
# Installs efsmount from this archive, for images without a package manager. Needs root and coreutils, no network.
#   --root DIR     an image's root instead of / (nothing is started or enabled there)
#   --prefix DIR   where bin, sbin, lib and share go (default /usr). mount(8) looks for its helpers in /sbin only, so
#                  with another prefix they are linked there.
#   --uninstall    removes what an installation has put there; configuration, keys, logs and state stay
# A configuration that is there already stays as it is.
set -eu

root=
prefix=/usr
task=install
unit=amazon-efs-mount-watchdog.service
source="$(cd "$(dirname "$0")" && pwd)/root"

die() { echo "install.sh: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --root | --prefix)
      [ $# -ge 2 ] || die "$1 needs a directory"
      case $2 in /*) ;; *) die "$1 needs an absolute path" ;; esac
      if [ "$1" = --root ]; then root=${2%/}; else prefix=${2%/}; fi
      shift 2 ;;
    --uninstall) task=uninstall; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument $1; see --help" ;;
  esac
done
manifest="$root$prefix/share/efsmount/manifest"

# Only on a machine that runs: not in an image that is being made.
have_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# put FILE: a file of the archive to its place; its name goes to the list.
put() {
  place="$prefix/${1#usr/}"
  case $1 in etc/* | var/*) place="/$1" ;; esac
  mkdir -p "$root$(dirname "$place")"
  # Beside it first: a program that runs cannot be written to, but it can be replaced.
  cp -pP "$source/$1" "$root$place.new"
  mv -f "$root$place.new" "$root$place"
  echo "$place" >>"$manifest.new"
}

link_helpers() {
  [ "$prefix" != /usr ] || return 0
  for name in mount.efs umount.efs mount.s3files umount.s3files; do
    mkdir -p "$root/sbin"
    ln -sfn "$prefix/sbin/$name" "$root/sbin/$name"
    echo "/sbin/$name" >>"$manifest.new"
  done
}

# The unit where systemd looks, with the program's place in it.
put_unit() {
  mkdir -p "$root/etc/systemd/system"
  sed "s|^ExecStart=/usr/|ExecStart=$prefix/|" "$source/usr/lib/systemd/system/$unit" >"$root/etc/systemd/system/$unit"
  echo "/etc/systemd/system/$unit" >>"$manifest.new"
}

put_configuration() {
  for name in efs-utils.conf s3files-utils.conf efsmount.conf; do
    [ -e "$root/etc/amazon/efs/$name" ] || cp "$source/usr/share/efsmount/$name" "$root/etc/amazon/efs/$name"
  done
}

add_user() {
  [ -z "$root" ] || return 0
  if grep -q '^efs:' /etc/passwd; then return 0; fi
  if command -v useradd >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /sbin/nologin efs && return 0
  elif command -v adduser >/dev/null; then
    adduser --system --group --no-create-home --home /nonexistent efs && return 0
  fi
  echo "install.sh: there is no user efs and none could be made: tunnels will run as root" >&2
}

if [ "$task" = uninstall ]; then
  [ -f "$manifest" ] || die "nothing was installed below $root$prefix: $manifest is missing"
  if have_systemd; then systemctl disable --now "$unit" || :; fi
  while read -r path; do rm -f "$root$path"; done <"$manifest"
  rm -f "$manifest"
  for folder in share/efsmount share/doc/efsmount/licences share/doc/efsmount; do
    rmdir "$root$prefix/$folder" 2>/dev/null || :
  done
  if have_systemd; then systemctl daemon-reload; fi
  exit 0
fi

[ -d "$source" ] || die "$source is missing: run it where the archive was unpacked"
if [ -e "$root/sbin/mount.efs" ] && [ ! -f "$manifest" ]; then
  die "$root/sbin/mount.efs belongs to another installation (amazon-efs-utils, or a package of efsmount): remove that first"
fi
mkdir -p "$(dirname "$manifest")" "$root/var/log/amazon/efs"
: >"$manifest.new"
(cd "$source" && find . \( -type f -o -type l \) ! -path './usr/lib/systemd/*' | sed 's|^\./||' | sort) |
  while read -r file; do put "$file"; done
link_helpers
put_unit
put_configuration
add_user
mv "$manifest.new" "$manifest"
if have_systemd; then
  systemctl daemon-reload
  systemctl enable "$unit"
  systemctl restart "$unit"
fi
