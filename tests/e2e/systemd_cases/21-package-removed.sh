#!/usr/bin/env bash
# Removing the package stops the watchdog and leaves mounts and their tunnels alone; a package that is
# installed again looks after them. Contract: UP-1, WD-13, contract section 12.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

tunnel="$(tunnel_of /mnt/efs)"
[[ -n "$tunnel" ]] || fail "no tunnel"
succeed dpkg --remove efsmount
says "file systems are still mounted"
equal "watchdogs" "$(watchdogs)" ""
refuse 1 systemctl is-enabled amazon-efs-mount-watchdog
equal "tunnel after the removal" "$(tunnel_of /mnt/efs)" "$tunnel"
echo x >/mnt/efs/removed || fail "cannot write without the package"

succeed dpkg --force-confold --install /efsmount/package/efsmount.deb
EFS_TREE=/efsmount
# shellcheck source=tests/e2e/client_config.sh
. "$E2E/client_config.sh"
client_config
succeed systemctl is-active amazon-efs-mount-watchdog
succeed systemctl is-enabled amazon-efs-mount-watchdog
kill -KILL "$tunnel"
eventually 30 tunnel_is_new /mnt/efs "$tunnel" || fail "the tunnel was not replaced"
equal "content" "$(timeout 60 cat /mnt/efs/removed)" x
