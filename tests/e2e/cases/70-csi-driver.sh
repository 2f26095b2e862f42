#!/usr/bin/env bash
# The AWS EFS CSI driver, command by command, in a pod that shares nothing of the node's root (csi.sh): it
# mounts volumes, loses a tunnel, is killed while a volume is written to, starts again, and unmounts.
# Contract: CSI-1..12, CSI-14, CSI-18, EX-3, ST-8, WD-13, FLOW-5, section 22.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/csi.sh
. "$E2E/csi.sh"

csi_node
driver_start 4
note "the pod: its root, its processes, an empty configuration until the driver wrote one"
equal "comm of the pod's pid 1" "$(pod cat /proc/1/comm)" aws-efs-csi-dri
[[ "$(pod find / -maxdepth 3 -path '*lib/modules' 2>&1)" == "" ]] || fail "the pod has /lib/modules"
equal "node's files in the pod" "$(pod find /efsmount /mnt/node 2>&1 | grep -vc 'No such file')" 0

publish tls "$FS:/" pvc-root
publish "tls,accesspoint=$AP_WEB" "$FS:/" pvc-web
publish "" "$FS:/" pvc-plain
root="$(volume pvc-root)" web="$(volume pvc-web)" plain="$(volume pvc-plain)"
equal "tunnels" "$(tunnels | wc -l)" 3

note "what the driver's own tests look for (CSI-12)"
[[ "$(mount)" == *"127.0.0.1:/ on $root"* ]] || fail "mount does not show 127.0.0.1:/ on $root"
for name in pvc-root pvc-web pvc-plain; do
  words="$(command_of "$(tunnel_of "$(volume "$name")")")"
  [[ "$words" == *efs-proxy*"$FS"*"$name"* ]] || fail "the tunnel of $name is called: $words"
done
[[ "$(command_of "$(tunnel_of "$root")")" == *--tls* ]] || fail "no --tls on an encrypted volume"
[[ "$(command_of "$(tunnel_of "$plain")")" != *--tls* ]] || fail "--tls on a plain volume"

note "key and configuration are the node's (CSI-7), pid 1 is nobody's trouble (CSI-5)"
[[ -s "$HOST_CONFIG/privateKey.pem" ]] || fail "the key is not in the node's directory"
key="$(checksum "$HOST_CONFIG/privateKey.pem")"
! grep -rqs 'unrecognized init' /var/log/amazon/efs || fail "pid 1 is complained about"
echo page >"$web/index.html"
equal "owner on the access point" "$(stat -c %u "$web/index.html")" 1000

note "a mount without stdout and stderr"
mkdir -p "$(volume pvc-closed)"
pod mount -t efs -o tls "$FS:/" "$(volume pvc-closed)" </dev/null >&- 2>&- || fail "ended with $?"
is_mounted "$(volume pvc-closed)" || fail "not mounted without streams"

note "a failed publish tells why, on stderr alone, and leaves nothing"
mkdir -p "$(volume pvc-bad)"
before="$(state_files | sort)"
reason="$(pod mount -t efs -o "tls,accesspoint=$UNKNOWN_AP" "$FS:/" "$(volume pvc-bad)" 2>&1 >/dev/null </dev/null)" &&
  fail "an unknown access point was mounted"
[[ "$reason" == *"$UNKNOWN_AP"* ]] || fail "the reason is: $reason"
equal "state files" "$(state_files | sort)" "$before"

note "a tunnel dies; the driver reaps nothing but tunnels (CSI-6)"
old="$(tunnel_of "$web")"
kill -9 "$old"
eventually 15 tunnel_is_new "$web" "$old" || fail "no new tunnel"
equal "content" "$(cat "$web/index.html")" page
no_foreign_zombies || fail "zombies that the driver does not know: $(zombies_of_pod)"

note "the driver is killed while a volume is written to (CSI-10, ST-8)"
dd if=/dev/urandom of="$WORLD/blob" bs=64k count=64 status=none
(
  for ((i = 0; i < 64; i++)); do
    dd if="$WORLD/blob" of="$root/written-by-pod" bs=64k skip=$i seek=$i count=1 conv=notrunc,fsync status=none || exit 1
    sleep 0.05
  done
) &
writer=$!
eventually 10 test -s "$root/written-by-pod" || fail "the writer does not write"
ports="$(our_mounts | grep -o 'port=[0-9]*' | sort)"
driver_kill
equal "tunnels of a dead pod" "$(tunnels)" ""
is_mounted "$root" || fail "the mount went with the pod"
driver_start 4
# Pids of the state files now name other processes.
for ((i = 0; i < 30; i++)); do pod sleep 600 & done </dev/null >/dev/null 2>&1
eventually 20 tunnels_are 4 || fail "tunnels after the restart: $(tunnels | wc -l) instead of 4"
wait "$writer" || fail "the writer failed"
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/written-by-pod")" "$(checksum "$WORLD/blob")"
equal "ports" "$(our_mounts | grep -o 'port=[0-9]*' | sort)" "$ports"
equal "the key" "$(checksum "$HOST_CONFIG/privateKey.pem")" "$key"
equal "processes that only had a tunnel's pid" "$(pgrep -fcx "sleep 600")" 30

note "the watchdog never ended by itself and said nothing (CSI-4)"
[[ ! -s "$EVENTS_OF_WATCHDOG" ]] || fail "watchdog: $(cat "$EVENTS_OF_WATCHDOG")"

note "NodeUnpublishVolume (CSI-3)"
unpublish pvc-root
driver_does umount -f "$web" || fail "umount -f ended with $?"
driver_does umount -i "$plain" || fail "umount without helper ended with $?"
unpublish pvc-closed
all_cleared
driver_kill
