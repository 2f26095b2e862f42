#!/usr/bin/env bash
# The watchdog's unit is enabled and running, is ordered around remote mounts, spares the tunnels, and
# does not hide mounts from the watchdog. Contract: section 12.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

unit=amazon-efs-mount-watchdog.service
succeed systemctl is-enabled "$unit"
succeed systemctl is-active "$unit"
succeed systemctl is-active multi-user.target
property() { systemctl show --value -p "$1" "$unit"; }
equal KillMode "$(property KillMode)" process
equal Restart "$(property Restart)" on-failure
equal RestartUSec "$(property RestartUSec)" 15s
[[ " $(property Before) " == *" remote-fs-pre.target "* ]] || fail "Before=$(property Before)"
[[ " $(property WantedBy) " == *" multi-user.target "* ]] || fail "WantedBy=$(property WantedBy)"
equal "mount namespace" "$(readlink "/proc/$(property MainPID)/ns/mnt")" "$(readlink /proc/1/ns/mnt)"
succeed systemd-analyze verify --man=no "/lib/systemd/system/$unit"
equal "what systemd-analyze says of it" "$(grep "$unit" <<<"$OUTPUT")" ""
