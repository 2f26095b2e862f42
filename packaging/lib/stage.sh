# shellcheck shell=bash
# The tree that all packages hold, in ROOT, in Debian's places. Sourced by build.sh.

# shellcheck source=packaging/lib/sbom.sh
. "$PACKAGING/lib/sbom.sh"

DOCUMENTATION=/usr/share/doc/efsmount

put_compressed() { install -d "$(dirname "$ROOT$2")" && gzip -9n <"$1" >"$ROOT$2" && chmod 644 "$ROOT$2"; }

# What the build installs, where it says (efs_program() in cmake/Layers.cmake), stripped as Debian strips.
# The helpers go to /sbin, not to /usr/sbin, although Debian 12 has merged the two: amazon-efs-utils
# ships the same names there, and dpkg compares names. Under the other name it would delete our file
# together with the package it replaces.
put_programs() {
  local -a programs
  DESTDIR="$ROOT" cmake --install "$BUILD" --component programs >/dev/null ||
    die "$BUILD has no programs to install: --build names a tree that CMake has built"
  mapfile -t programs < <(find "$ROOT" -type f | LC_ALL=C sort)
  "$STRIP" --strip-unneeded --remove-section=.comment --remove-section=.note "${programs[@]}" ||
    die "$BUILD was not built for $ARCHITECTURE"
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

# The configuration goes to /etc by each format's own means.
put_files() {
  local page section
  install -D -m 644 -t "$ROOT/usr/share/efsmount" "$SOURCE"/config/*.conf
  install -D -m 644 "$SOURCE/systemd/$UNIT" "$ROOT/lib/systemd/system/$UNIT"
  install -d "$ROOT/var/log/amazon/efs"
  for page in "$PACKAGING"/man/*.[0-9]; do
    section=${page##*.}
    put_compressed "$page" "/usr/share/man/man$section/${page##*/}.gz"
  done
  for page in efsctl mount.efs; do
    install -D -m 644 "$PACKAGING/completion/$page" "$ROOT/usr/share/bash-completion/completions/$page"
  done
  ln -s mount.efs "$ROOT/usr/share/bash-completion/completions/mount.s3files"
}

put_licence() {
  local file="/usr/share/doc/${2%:*}/copyright"
  [[ -s "$file" ]] || file="/usr/share/doc/${2/%:*/-$ARCHITECTURE-cross}/copyright"
  [[ -s "$file" ]] || die "the licence of $1 is missing: is $2 installed?"
  install -D -m 644 "$file" "$ROOT$DOCUMENTATION/licences/$1"
}

put_documentation() {
  local folder="$ROOT$DOCUMENTATION"
  install -D -m 644 "$SOURCE/config/README.md" "$folder/config.md"
  install -m 644 "$SOURCE/efsctl/README.md" "$folder/efsctl.md"
  install -m 644 "$PACKAGING/deb/copyright" "$folder/copyright"
  put_compressed "$SOURCE/CHANGELOG.md" "$DOCUMENTATION/CHANGELOG.md.gz"
  linked_in put_licence
  sbom >"$folder/sbom.spdx.json" || exit 1
}

stage() {
  put_programs
  put_authorities
  put_files
  put_documentation
}

# Red Hat's places, which are also those of systems without split directories: the tunnel beside the helpers
# (section 12 of the contract: state files name it by its path).
move_to_merged_places() {
  install -d "$ROOT/usr/sbin" "$ROOT/usr/lib"
  mv "$ROOT"/sbin/* "$ROOT/usr/bin/efs-proxy" "$ROOT/usr/sbin/"
  mv "$ROOT/lib/systemd" "$ROOT/usr/lib/"
  rmdir "$ROOT/sbin" "$ROOT/lib"
}

# Every file has the time of the commit.
settle_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }
