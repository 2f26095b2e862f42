# shellcheck shell=bash
# The rpm package, by Debian's rpmbuild. Sourced by build.sh.

stage_rpm() {
  command -v rpmbuild >/dev/null || die "rpmbuild is missing: install the package rpm"
  stage
  move_to_merged_places
  install -m 644 -t "$ROOT/etc/amazon/efs" "$SOURCE"/config/*.conf
}

# Name of the spec's macro and what it holds.
macros() {
  printf '%s %s\n' "_topdir" "$WORK/rpm/top" "_buildhost" efsmount "_rpmfilename" "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm" \
    "efs_version" "$VERSION" "efs_contract" "$CONTRACT" "efs_root" "$ROOT" "efs_summary" "$SUMMARY" "efs_unit" "$UNIT" \
    "efs_homepage" "$HOMEPAGE" "efs_scripts" "$PACKAGING/rpm" "_unitdir" /usr/lib/systemd/system
}

make_rpm() {
  local name value
  local -a options=(--target "$MACHINE-linux" --quiet -bb)
  settle_times "$ROOT"
  while read -r name value; do options+=(--define "$name $value"); done < <(macros)
  options+=(--define "efs_description $(tr '\n' ' ' <<<"$DESCRIPTION")")
  rpmbuild "${options[@]}" "$PACKAGING/rpm/efsmount.spec" >"$WORK/rpm.log" 2>&1 ||
    { cat "$WORK/rpm.log" >&2; die "rpmbuild failed"; }
  mv "$WORK"/rpm/top/RPMS/*.rpm "$OUTPUT/"
  printf '%s\n' "$OUTPUT/efsmount-$VERSION-1.$MACHINE.rpm"
}
