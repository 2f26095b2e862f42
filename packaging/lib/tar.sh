# shellcheck shell=bash
# The archive with install.sh. Sourced by build.sh.

stage_tar() {
  stage
  move_to_merged_places
}

make_tar() {
  local name="efsmount-$VERSION-$MACHINE"
  local top="$WORK/tar/$name" archive="$OUTPUT/$name.tar.xz"
  install -d "$top"
  mv "$ROOT" "$top/root"
  install -m 755 "$PACKAGING/tar/install.sh" "$top/"
  install -m 644 "$PACKAGING/tar/README.md" "$PACKAGING/tar/Containerfile.csi" "$top/"
  settle_times "$top"
  tar -C "$WORK/tar" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -c "$name" | xz -6 >"$archive"
  printf '%s\n' "$archive"
}
