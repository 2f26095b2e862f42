#!/usr/bin/env bash
# The watchdog may be killed at any time: tunnels and mounts stay, and the next watchdog - started by
# hand here - adopts them: it replaces a dead tunnel that it never started. Contract: WD-13, UP-1, CSI-10.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
eventually 10 watchdog_runs || fail "no watchdog runs"
kill -KILL "$(watchdogs)"
echo x >/mnt/efs/alone
equal "tunnel without a watchdog" "$(tunnel_of /mnt/efs)" "$tunnel"
setsid amazon-efs-mount-watchdog >/dev/null 2>&1 </dev/null &
eventually 10 watchdog_runs || fail "the second watchdog does not run"
sleep 1
kill -KILL "$tunnel"
eventually 20 tunnel_is_new /mnt/efs "$tunnel" || fail "the tunnel was not replaced"
equal "content" "$(timeout 60 cat /mnt/efs/alone)" x
unmount /mnt/efs
all_cleared
