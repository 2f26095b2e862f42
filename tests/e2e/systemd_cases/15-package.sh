#!/usr/bin/env bash
# The package is installed whole, its programs are those that run, and its upgrade restarts the watchdog
# and nothing else. Contract: CLI-1, UP-1, contract section 12.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/systemd_world/package.sh
. "$E2E/systemd_world/package.sh"

equal "status" "$(dpkg-query -W -f '${db:Status-Abbrev}' efsmount)" "ii "
for path in /sbin/mount.efs /usr/bin/efs-proxy /usr/bin/amazon-efs-mount-watchdog; do
  equal "owner of $path" "$(dpkg-query -S "$path" | cut -d: -f1)" efsmount
done
succeed getent passwd efs
tunnel="$(tunnel_of /mnt/efs)"
watchdog="$(systemctl show --value -p MainPID amazon-efs-mount-watchdog)"
equal "program of the tunnel" "$(readlink "/proc/$tunnel/exe")" /usr/bin/efs-proxy
equal "program of the watchdog" "$(readlink "/proc/$watchdog/exe")" /usr/bin/amazon-efs-mount-watchdog

install_package
equal "unit" "$(systemctl is-active amazon-efs-mount-watchdog)" active
[[ "$(systemctl show --value -p MainPID amazon-efs-mount-watchdog)" != "$watchdog" ]] || fail "the old watchdog still runs"
equal "tunnel after the upgrade" "$(tunnel_of /mnt/efs)" "$tunnel"
echo x >/mnt/efs/upgraded || fail "cannot write after the upgrade"
