#!/usr/bin/env bash
# The server accepts TCP and is silent in TLS for longer than a hang and three handshake deadlines: told as
# one hang although each deadline resets the kernel's connection, and once, because no reset is an answer.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

silent_in_tls_for() {
  fault tls handshake-stall on
  fault target "$FS" "${REGION}a" reset
  sleep "$1"
  fault tls handshake-stall off
}

mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs
PATIENCE=120 measure "server silent in TLS for 35 s" "hangs" silent_in_tls_for 35
told="$(grep -c "hangs, calls have been waiting" /var/log/amazon/efs/mount-watchdog.log)"
equal "times told" "$told" 1
load_stop
unmount /mnt/efs
all_cleared
