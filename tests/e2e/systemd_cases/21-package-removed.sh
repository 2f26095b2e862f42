#!/usr/bin/env bash
# Removing the package stops the watchdog and leaves mounts and their tunnels alone; a package that is
# installed again looks after them. Contract: UP-1, WD-13, contract section 12.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/systemd_world/package.sh
. "$E2E/systemd_world/package.sh"

tunnel="$(tunnel_of /mnt/efs)"
[[ -n "$tunnel" ]] || fail "no tunnel"
dpkg_job --remove efsmount
says "file systems are still mounted"
equal "watchdogs" "$(watchdogs)" ""
refuse 1 systemctl is-enabled amazon-efs-mount-watchdog
equal "tunnel after the removal" "$(tunnel_of /mnt/efs)" "$tunnel"
echo x >/mnt/efs/removed || fail "cannot write without the package"

install_package
succeed systemctl is-active amazon-efs-mount-watchdog
succeed systemctl is-enabled amazon-efs-mount-watchdog
kill -KILL "$tunnel"
eventually 30 tunnel_is_new /mnt/efs "$tunnel" || fail "the tunnel was not replaced"
equal "content" "$(timeout 60 cat /mnt/efs/removed)" x
