#!/usr/bin/env bash
# Faults of the tunnel with I/O running: killed, stopped, its program missing for a while. Buffered and
# direct writes, fio with verification and a locked file: nothing fails, nothing is lost, the lock
# stays. Contract: WD-6, TUN-6, TUN-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

without_program() {
  mv /usr/bin/efs-proxy /usr/bin/efs-proxy.away
  kill_tunnel /mnt/efs
  sleep 5
  mv /usr/bin/efs-proxy.away /usr/bin/efs-proxy
}
stop_tunnel() { kill -STOP "$(tunnel_of /mnt/efs)"; }

mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs
measure "nothing (for comparison)" "" sleep 2
measure "kill -9 of the tunnel" "$TUNNEL_ENDED" kill_tunnel /mnt/efs
measure "tunnel stopped (SIGSTOP)" "hangs" stop_tunnel
measure "tunnel program missing for 5 s" "$TUNNEL_ENDED" without_program
lock_held /mnt/efs
load_stop
unmount /mnt/efs
all_cleared
