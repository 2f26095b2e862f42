#!/usr/bin/env bash
# Nothing is open on a hung mount when it is mounted again, and its own tunnel stays silent while the server is
# back: taking it away then waits for that tunnel, but the new mount is at its place at once; there is never
# more than a moment in which an application would write to the bare directory.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

efs_setting remount_after_sec 20
mount_efs tls "$FS:/" /mnt/efs
follow_logs
old_port="$(mount_port /mnt/efs)"
old_tunnel="$(tunnel_of /mnt/efs)"
stat_often() { while :; do timeout -s KILL 5 stat /mnt/efs/"$RANDOM" >/dev/null 2>&1; sleep 1; done; }
stat_often &
worker=$!
# Whoever holds this lock holds the remount behind its last decision.
exec 9>"$STATE/client-identifier.lock"
flock 9
began="$(now)"
fault target "$FS" "${REGION}a" blackhole
eventually 90 noticed_after "$began" "mounting /mnt/efs again" 9>&- || fail "no remount: $(tail -n 5 "$EVENTS")"
kill "$worker"
idle() { [[ -z "$(pgrep -x stat)" ]]; }
eventually 10 idle 9>&- || fail "somebody looks at it still"
# What is seen of the place, as the application would: the times without a mount there.
watch_place() {
  while :; do
    is_mounted /mnt/efs || now
  done >"$WORLD/bare"
}
watch_place 9>&- &
observer=$!
kill -STOP "$old_tunnel"
fault target "$FS" "${REGION}a" ok
exec 9>&-
remounted() { local port; port="$(mount_port /mnt/efs)"; [[ -n "$port" && "$port" != "$old_port" ]]; }
eventually 60 remounted || fail "not mounted again: $(tail -n 5 "$EVENTS")"
kill "$observer"
kill -CONT "$old_tunnel" 2>/dev/null
bare=0
if [[ -s "$WORLD/bare" ]]; then bare=$(($(tail -n 1 "$WORLD/bare") - $(head -n 1 "$WORLD/bare"))); fi
note "bare for $bare ms, seen $(wc -l <"$WORLD/bare") times"
[[ $bare -le $((500 * SCALE)) ]] || fail "nothing was mounted there for $bare ms"
echo new >/mnt/efs/new
equal "content on the server" "$(cat "$WORLD/data/$FS/new")" new
kill "$FOLLOWER"
unmount /mnt/efs
all_cleared
