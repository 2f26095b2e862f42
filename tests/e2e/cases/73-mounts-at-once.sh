#!/usr/bin/env bash
# EFS_MOUNTS (12; 50 was run by hand) first mounts at the same moment, through three roots of one file
# system: each its own port, each tunnel's counters its own traffic, each the right marker file. Then all
# tunnels die at once. (Fifty access points, up to mount(2), run on the host: integration/mount_helper.)
# Contract: NFS-9, ST-6, CERT-9, TUN-9, ST-2.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

readonly MOUNTS=${EFS_MOUNTS:-12}
data=$WORLD/data/$FS
echo root >"$data/marker"
echo web >"$data/web-content/marker"
echo shared >"$data/shared-data/marker"
rm -f /etc/amazon/efs/privateKey.pem
# what NUMBER: options and marker of a mount.
root_of() { case $(($1 % 3)) in 0) echo root ;; 1) echo web ;; 2) echo shared ;; esac; }
options_of() { case $(root_of "$1") in root) echo tls ;; web) echo "tls,accesspoint=$AP_WEB" ;; shared) echo "tls,accesspoint=$AP_SHARED" ;; esac; }

started=()
for ((n = 0; n < MOUNTS; n++)); do
  mkdir -p "/mnt/$n"
  mount -t efs -o "$(options_of "$n")" "$FS:/" "/mnt/$n" </dev/null &
  started+=($!)
done
for child in "${started[@]}"; do wait "$child" || fail "one of the mounts ended with $?"; done
equal "tunnels" "$(tunnels | wc -l)" "$MOUNTS"
equal "ports" "$(our_mounts | grep -o 'port=[0-9]*' | sort -u | wc -l)" "$MOUNTS"
equal "watchdogs" "$(watchdogs | wc -l)" 1

# bytes_up DIRECTORY: what its tunnel carried to the server, from its page of counters
# (tunnel_counters.h: numbers from offset 64, bytes_up is the fifth).
bytes_up() {
  od -A n -t u8 -j $((64 + 4 * 8)) -N 8 "$(echo "$STATE"/tunnel-counters.*."$(mount_port "$1")")" | tr -d ' '
}
for ((n = 0; n < MOUNTS; n++)); do
  equal "marker of mount $n" "$(cat "/mnt/$n/marker")" "$(root_of "$n")"
done
note "only the tunnel of the mount that is written to moves"
before=()
for ((n = 0; n < MOUNTS; n++)); do before+=("$(bytes_up "/mnt/$n")"); done
dd if=/dev/zero of=/mnt/7/megabyte bs=1M count=1 conv=fsync status=none || fail "writing"
for ((n = 0; n < MOUNTS; n++)); do
  moved=$(($(bytes_up "/mnt/$n") - before[n]))
  if [[ $n == 7 ]]; then
    [[ $moved -ge 1048576 ]] || fail "the tunnel of mount 7 shows $moved bytes"
  else
    [[ $moved -lt 65536 ]] || fail "the tunnel of mount $n shows $moved bytes of another mount"
  fi
done

note "all tunnels die at once"
# shellcheck disable=SC2046
kill -9 $(tunnels)
for ((n = 0; n < MOUNTS; n++)); do
  equal "marker of mount $n" "$(timeout $((30 * SCALE)) cat "/mnt/$n/marker")" "$(root_of "$n")"
  # From the server, not from the cache.
  timeout $((30 * SCALE)) touch "/mnt/$n/after-$n" || fail "mount $n does not answer"
done
for ((n = 0; n < MOUNTS; n++)); do unmount "/mnt/$n"; done
all_cleared
