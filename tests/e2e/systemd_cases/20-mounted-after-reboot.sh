#!/usr/bin/env bash
# After a reboot everything is as before: the service runs, the mount is there with its content, and no
# state of the last boot is left. Contract: ST-8, WD-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

succeed systemctl is-active amazon-efs-mount-watchdog
is_mounted /mnt/efs || fail "not mounted after the reboot: $(systemctl status --no-pager -l mnt-efs.mount)"
equal "content" "$(cat /mnt/efs/boot)" "from boot 1"
equal "tunnels" "$(tunnels | wc -l)" 1
equal "state files" "$(find "$STATE" -maxdepth 1 -type f -name 'fs-*' | wc -l)" 1
echo "from boot 2" >/mnt/efs/boot2 || fail "cannot write"
