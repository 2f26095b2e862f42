# shellcheck shell=bash
# The Debian package. Sourced by build.sh.

stage_deb() {
  stage
  printf 'efsmount (%s) bookworm; urgency=medium\n\n  * Release %s, see CHANGELOG.md.\n\n -- %s  %s\n' \
    "$VERSION" "$VERSION" "$MAINTAINER" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$WORK/changelog"
  put_compressed "$WORK/changelog" "$DOCUMENTATION/changelog.gz"
  install -D -m 644 "$PACKAGING/deb/lintian-overrides" "$ROOT/usr/share/lintian/overrides/efsmount"
}

# The dependencies are the bounds that integration.packaging_baseline keeps, not what this machine has: the package
# is for Debian 12 and later and Ubuntu 22.04 and later, where some names end in t64. libcurl is opened at run time.
put_control() {
  install -d "$ROOT/DEBIAN"
  cat >"$ROOT/DEBIAN/control" <<CONTROL
Package: efsmount
Version: $VERSION
Architecture: $ARCHITECTURE
Maintainer: $MAINTAINER
Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$ROOT" | cut -f1)
Depends: adduser, libc6 (>= 2.34), libcurl4 | libcurl4t64, libmount1 (>= 2.37), libssl3 | libssl3t64, mount
Recommends: ca-certificates, kmod
Suggests: bash-completion
Provides: amazon-efs-utils (= $CONTRACT)
Conflicts: amazon-efs-utils
Replaces: amazon-efs-utils
Section: net
Priority: optional
Description: $SUMMARY
$(sed -e 's/^$/./' -e 's/^/ /' <<<"$DESCRIPTION")
CONTROL
  # Whatever touches the configuration, as a purge of amazon-efs-utils does, calls our postinst.
  printf 'interest-noawait /etc/amazon/efs/%s\n' efs-utils.conf s3files-utils.conf >"$ROOT/DEBIAN/triggers"
  install -m 755 "$PACKAGING"/deb/{postinst,prerm,postrm} "$ROOT/DEBIAN/"
  (cd "$ROOT" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) \
    >"$ROOT/DEBIAN/md5sums"
  chmod 644 "$ROOT"/DEBIAN/{control,triggers,md5sums}
}

make_deb() {
  local package="$OUTPUT/efsmount_${VERSION}_$ARCHITECTURE.deb"
  put_control
  dpkg-deb --root-owner-group -Zxz --build "$ROOT" "$package" >/dev/null
  printf '%s\n' "$package"
}
