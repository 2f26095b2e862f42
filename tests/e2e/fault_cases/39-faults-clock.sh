#!/usr/bin/env bash
# The clock is set an hour forth and an hour back with I/O running, and the tunnel is killed after it. No
# locked file here: the NFS server shares the clock of the place, takes the hour for the end of the lease,
# and lets go of all locks, whatever the client does. Contract: WD-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

# The place is a machine of its own, or else the clock is not ours to set.
[[ "$EFS_PLACE" == guest ]] || skip "the clock of this machine is not ours to set"
clock() { date -s "@$(($(date +%s) + $1))" >/dev/null; }
tunnel_replaced() {
  local old
  old="$(tunnel_of /mnt/efs)"
  kill -KILL "$old"
  eventually 20 tunnel_is_new /mnt/efs "$old" || fail "no new tunnel: $(tail -n 5 "$EVENTS")"
}

mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs buffered direct fio
measure "clock set 1 h forth" "" clock 3600
measure "tunnel killed after that" "$TUNNEL_ENDED" tunnel_replaced
measure "clock set 1 h back" "" clock -3600
measure "tunnel killed after that" "$TUNNEL_ENDED" tunnel_replaced
load_stop
unmount /mnt/efs
all_cleared
