#!/usr/bin/env bash
# Five first mounts at the same moment: each its own tunnel and port, one watchdog, one private key.
# Contract: CERT-9, FLOW-5, NFS-9, ST-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

[[ -z "$(watchdogs)" ]] || fail "a watchdog runs before the first mount"
rm -f /etc/amazon/efs/privateKey.pem
started=()
for number in 1 2 3 4 5; do
  mkdir -p "/mnt/$number"
  mount -t efs -o tls "$FS:/" "/mnt/$number" &
  started+=($!)
done
for child in "${started[@]}"; do wait "$child" || fail "one of the mounts ended with $?"; done
for number in 1 2 3 4 5; do is_mounted "/mnt/$number" || fail "/mnt/$number is not mounted"; done
equal "number of tunnels" "$(tunnels | wc -l)" 5
equal "number of ports" "$(our_mounts | grep -o 'port=[0-9]*' | sort -u | wc -l)" 5
equal "number of watchdogs" "$(watchdogs | wc -l)" 1
for number in 1 2 3 4 5; do unmount "/mnt/$number"; done
all_cleared
