#!/usr/bin/env bash
# The watchdog does not answer (here: stopped): publishes work nevertheless, and none of them starts
# another watchdog, which would stay as a zombie under a driver that reaps only tunnels.
# Contract: CSI-4, CSI-6, FLOW-5, WD-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/csi.sh
. "$E2E/csi.sh"

csi_node
driver_start 4
publish tls "$FS:/" pvc-0
watchdog="$(watchdogs)"
equal "watchdogs" "$(wc -w <<<"$watchdog")" 1
kill -STOP "$watchdog"
for n in 1 2 3 4; do publish tls "$FS:/" "pvc-$n"; done
equal "watchdogs while the one is stopped" "$(watchdogs)" "$watchdog"
no_foreign_zombies || fail "zombies that the driver does not know: $(zombies_of_pod)"
kill -CONT "$watchdog"

note "it looks after what was mounted meanwhile"
old="$(tunnel_of "$(volume pvc-3)")"
kill -9 "$old"
eventually 20 tunnel_is_new "$(volume pvc-3)" "$old" || fail "no new tunnel"
equal "watchdogs" "$(watchdogs)" "$watchdog"
for n in 0 1 2 3 4; do unpublish "pvc-$n"; done
all_cleared
[[ ! -s "$EVENTS_OF_WATCHDOG" ]] || fail "watchdog: $(cat "$EVENTS_OF_WATCHDOG")"
no_foreign_zombies || fail "zombies that the driver does not know: $(zombies_of_pod)"
driver_kill
