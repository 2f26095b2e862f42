#!/usr/bin/env bash
# A host that slept: for three hours nothing of ours ran, the clock of the wall went on and the monotonic one did not,
# the server has forgotten the connection and the certificate has ended. No locked file here: its lease has ended
# as well. Contract: WD-7, CERT-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

# The place is a machine of its own, or else the clock is not ours to set.
[[ "$EFS_PLACE" == guest ]] || skip "the clock of this machine is not ours to set"
sleeping() {
  local asleep pid
  asleep="$(watchdogs) $(tunnels)"
  for pid in $asleep; do kill -STOP "$pid"; done
  date -s "@$(($(date +%s) + 10800))" >/dev/null
  fault target "$FS" "${REGION}a" reset
  for pid in $asleep; do kill -CONT "$pid"; done
}

mount_efs tls,iam "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
load_start /mnt/efs buffered direct fio
began="$(now)"
measure "host asleep for 3 h" "Renewed the certificate" sleeping
eventually 1 noticed_after "$began" "the clock was set" || fail "nobody saw that the clock was set"
seen="$(first_event "$began" "the clock was set")"
[[ $((${seen%% *} - began)) -le $((10000 * SCALE)) ]] || fail "seen only after $((${seen%% *} - began)) ms"
equal "the tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
load_stop
unmount /mnt/efs
all_cleared
