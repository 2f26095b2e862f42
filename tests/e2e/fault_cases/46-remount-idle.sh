#!/usr/bin/env bash
# Nothing is open on a hung mount when it is mounted again, and its own tunnel stays silent while the server is
# back: taking it away then waits for that tunnel, but the new mount is at its place at once; there is never
# more than a moment in which an application would write to the bare directory.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/remounts.sh
. "$E2E/remounts.sh"

mount_to_be_replaced
follow_logs
old_tunnel="$(tunnel_of /mnt/efs)"
stat_often
hold_last_step
silence 90
kill "$WORKER"
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
answer
release_last_step
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
