#!/usr/bin/env bash
# efsctl status shows what is mounted and how well it is, also while a mount hangs, and its exit code
# says whether all is well.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

status_is() { grep -q "\"state\": \"$1\"" <<<"$(efsctl status --json)"; }
status_ends_with() {
  local status=0
  timeout 5 efsctl status >/dev/null || status=$?
  [[ $status -eq $1 ]]
}

refuse 1 efsctl status
says "no EFS mounts" "no watchdog answers"
mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" "/mnt/with blank"
succeed efsctl status -o wide
says "$FS" "$AP_WEB" "/mnt/with blank" mounted "$(tunnel_of "/mnt/with blank")"
succeed efsctl status --json "$FS"
says '"healthy": true' "\"mount_point\": \"/mnt/with blank\"" '"tls": true' \
  "\"tunnel_pid\": $(tunnel_of "/mnt/with blank")" '"restarts": 0' '"certificate_expires": "2'
refuse 2 efsctl status /mnt/elsewhere
says "no EFS mount is /mnt/elsewhere"
refuse 2 efsctl stauts
says 'did you mean "status"'

# A mount that hangs must not make its status hang.
tunnel="$(tunnel_of "/mnt/with blank")"
kill -STOP "$tunnel"
note "tunnel $tunnel stopped"
timeout 5 efsctl status >"$WORLD/status" || note "ended with $?"
grep -q "/mnt/with blank" "$WORLD/status" || fail "no answer while the mount hangs"
kill -CONT "$tunnel"

# No watchdog: degraded. A new tunnel: counted.
kill -KILL "$tunnel"
eventually 20 tunnel_is_new "/mnt/with blank" "$tunnel" || fail "no new tunnel"
eventually 10 status_ends_with 0 || fail "not well again: $(efsctl status)"
succeed efsctl status --json "/mnt/with blank"
says '"restarts": 1' "\"tunnel_pid\": $(tunnel_of "/mnt/with blank")"
for pid in $(watchdogs); do kill -KILL "$pid"; done
refuse 1 efsctl status
says mounted "no watchdog answers"
kill -KILL "$(tunnel_of "/mnt/with blank")"
eventually 5 status_is tunnel_down || fail "a dead tunnel without a watchdog is not told: $(efsctl status)"
unmount "/mnt/with blank"
nothing_left 20
# The unmount started a watchdog: the dead tunnel had to come back for its last calls.
succeed efsctl status
says "no EFS mounts"
