#!/usr/bin/env bash
# Faults of the watchdog with I/O running: killed, killed together with the tunnel, replaced by a new
# program, stopped. Mounts do not notice; the next watchdog adopts them. Contract: WD-13, UP-1, CSI-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

kill_both() { kill -KILL "$(watchdogs)" "$(tunnel_of /mnt/efs)"; }
replace_watchdog() {
  local old
  old="$(watchdogs)"
  cp /usr/bin/amazon-efs-mount-watchdog /usr/bin/watchdog.new
  mv /usr/bin/watchdog.new /usr/bin/amazon-efs-mount-watchdog
  kill -TERM "$old"
  eventually 20 watchdog_is_new "$old" || fail "no new watchdog"
}
# Nobody replaces a tunnel while it stands still, and nobody starts a second one.
stop_watchdog() {
  local watchdog
  watchdog="$(watchdogs)"
  kill -STOP "$watchdog"
  kill_tunnel /mnt/efs
  sleep 10
  equal "watchdogs while the one is stopped" "$(watchdogs)" "$watchdog"
  kill -CONT "$watchdog"
}

service_start
mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs
measure "kill -9 of the watchdog" "is enabled and started" kill_watchdog
measure "kill -9 of tunnel and watchdog" "is enabled and started" kill_both
measure "watchdog replaced" "is enabled and started" replace_watchdog
tunnel="$(tunnel_of /mnt/efs)"
measure "kill -9 of the tunnel after that" "$TUNNEL_ENDED" kill_tunnel /mnt/efs
eventually 10 tunnel_is_new /mnt/efs "$tunnel" || fail "the new watchdog did not adopt the tunnel"
measure "watchdog stopped for 10 s, tunnel killed meanwhile" "$TUNNEL_ENDED" stop_watchdog
lock_held /mnt/efs
load_stop
unmount /mnt/efs
service_keeps_clean
