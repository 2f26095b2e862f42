#!/usr/bin/env bash
# Restarting, stopping and killing the service leaves the tunnels and the mounts alone; the next watchdog
# looks after them. Contract: WD-13, 12 (KillMode).
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

unit=amazon-efs-mount-watchdog
tunnel="$(tunnel_of /mnt/efs)"
[[ -n "$tunnel" ]] || fail "no tunnel"
succeed systemctl restart "$unit"
equal "tunnel after a restart" "$(tunnel_of /mnt/efs)" "$tunnel"
succeed systemctl stop "$unit"
equal "tunnel after a stop" "$(tunnel_of /mnt/efs)" "$tunnel"
echo x >/mnt/efs/alone || fail "cannot write without a watchdog"
succeed systemctl start "$unit"
kill -KILL "$(systemctl show --value -p MainPID "$unit")"
watchdog_came_back() { [[ "$(systemctl is-active "$unit")" == active ]]; }
eventually 40 watchdog_came_back || fail "systemd did not start the killed watchdog again"
equal "tunnel after a crash" "$(tunnel_of /mnt/efs)" "$tunnel"
kill -KILL "$tunnel"
eventually 30 tunnel_is_new /mnt/efs "$tunnel" || fail "the adopted tunnel was not replaced"
equal "content" "$(timeout 60 cat /mnt/efs/alone)" x
