#!/usr/bin/env bash
# The CSI driver is killed and starts again under 20 volumes with data, and the pids of the state files
# have become thread ids of the new driver, or other processes: no volume hangs, nothing is lost.
# Contract: CSI-10, CSI-17, ST-8.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/csi.sh
. "$E2E/csi.sh"

readonly COUNT=20
csi_node
driver_start 4
started=()
for ((n = 0; n < COUNT; n++)); do
  options=tls
  [[ $((n % 2)) == 0 ]] || options="tls,accesspoint=$AP_WEB"
  ask_publish "$options" "$FS:/" "pvc-$n" </dev/null &
  started+=($!)
done
for child in "${started[@]}"; do wait "$child" || fail "a publish ended with $?"; done
for ((n = 0; n < COUNT; n++)); do
  head -c 65536 /dev/urandom >"$NODE/data-$n"
  cp "$NODE/data-$n" "$(volume pvc-$n)/data-$n" || fail "writing to volume $n"
done
equal "tunnels" "$(tunnels | wc -l)" "$COUNT"
ports="$(our_mounts | grep -o 'port=[0-9]*' | sort)"

# Writes and compares over all restarts, through a volume of its own.
io-witness run buffered "$(volume pvc-0)/io" "$NODE/journal" >"$NODE/journal.end" 2>&1 </dev/null &
witness=$!

# volume_works N: written by the node now, on the server at once.
volume_works() {
  local where
  where="$(volume "pvc-$1")"
  timeout $((60 * SCALE)) dd if=/dev/urandom of="$where/after-$1" bs=4k count=1 conv=fsync status=none ||
    fail "volume $1 does not answer after the restart: $(grep -s "pid" /var/log/amazon/efs/mount-watchdog.log | tail -n 3)"
  equal "data of volume $1" "$(timeout $((20 * SCALE)) sha256sum <"$where/data-$1" | cut -d' ' -f1)" "$(checksum "$NODE/data-$1")"
}
# restart THREADS
restart() {
  note "restart with $1 threads behind the driver's pid"
  driver_kill
  equal "tunnels of a dead pod" "$(tunnels)" ""
  driver_start "$1"
}
all_volumes_work() {
  local n
  eventually 60 tunnels_are "$COUNT" ||
    fail "tunnels: $(tunnels | wc -l) of $COUNT; $(tail -n 3 /var/log/amazon/efs/mount-watchdog.log)"
  for ((n = 0; n < COUNT; n++)); do volume_works "$n"; done
  equal "ports" "$(our_mounts | grep -o 'port=[0-9]*' | sort)" "$ports"
}

pids="$(state_pids | sort -n)"
equal "pids in the state files" "$(wc -l <<<"$pids")" "$COUNT"
restart "$(($(tail -n 1 <<<"$pids") + 1))"
thread_ids >"$NODE/thread-ids"
reused="$(grep -cxFf "$NODE/thread-ids" <<<"$pids")"
equal "pids of state files that are now threads of the driver" "$reused" "$COUNT"
all_volumes_work

note "and with pids of other programs, a few of them threads"
restart 8
for ((i = 0; i < 40; i++)); do pod sleep 600 & done </dev/null >/dev/null 2>&1
all_volumes_work
equal "processes that only had a tunnel's pid" "$(pgrep -fcx "sleep 600")" 40
eventually 10 no_foreign_zombies || fail "zombies: $(zombies_of_pod)"

kill "$witness"
eventually 30 has_ended "$witness" || fail "the application hangs"
wait "$witness" || fail "the application saw errors or lost data: $(cat "$NODE/journal.end")"
note "$(cat "$NODE/journal.end")"
for ((n = 0; n < COUNT; n++)); do unpublish "pvc-$n"; done
all_cleared
driver_kill
