#!/usr/bin/env bash
# The pid in a state file has become the thread id of another process, while the tunnel is dead (after a
# restart of the CSI driver, in its pod): 6.1 says EINVAL about it, newer kernels ENOENT. The mount gets
# its tunnel back. Contract: CSI-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
echo before >/mnt/efs/thread
eventually 10 watchdog_runs || fail "no watchdog runs"
# shellcheck disable=SC2046
kill -KILL $(watchdogs)
kill -KILL "$(tunnel_of /mnt/efs)"
mkfifo "$WORLD/thread"
# Named like a tunnel, too: only the call that opens the pid tells.
io-witness thread >"$WORLD/thread" &
process=$!
read -r thread <"$WORLD/thread"
[[ "$thread" != "$process" && -e /proc/$thread ]] || fail "no thread"
state="$(find "$STATE" -name "fs-*.$(mount_port /mnt/efs)" -type f)"
sed -i "s/\"pid\": *-\?[0-9]*/\"pid\": $thread/" "$state"
grep -q "\"pid\": *$thread" "$state" || fail "the state file has no pid"
setsid /usr/bin/amazon-efs-mount-watchdog </dev/null >/dev/null 2>&1 &
started=$SECONDS
equal "file" "$(timeout $((20 * SCALE)) cat /mnt/efs/thread)" before
note "served again after $((SECONDS - started)) s"
kill "$process"
rm -f "$WORLD/thread"
unmount /mnt/efs
all_cleared
