#!/usr/bin/env bash
# Plays the AWS EFS CSI driver, command by command: a pod with its own processes and files on the node's
# network, /etc/amazon/efs a symbolic link into the node, /var/run/efs the node's. It mounts volumes,
# loses a tunnel, is killed while a volume is written to, starts again, and unmounts.
# Contract: CSI-1..10, CSI-12, CSI-14, EX-3, ST-8, WD-13, FLOW-5, section 22.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

NODE=/mnt/node      # what outlives the pod beside /var/run/efs
VOLUMES=/mnt/volumes  # /var/lib/kubelet/pods: mounts made in the pod are seen on the node
HOST_CONFIG=$NODE/amazon-efs
mkdir -p "$NODE" "$VOLUMES" "$HOST_CONFIG"
mount -t tmpfs volumes "$VOLUMES"
mount --make-rshared "$VOLUMES"

# pod COMMAND...: in the pod, with its environment.
pod() {
  nsenter --target "$DRIVER" --mount --pid --wd=/ -- env -i PATH="$PATH" AWS_DEFAULT_REGION="$REGION" "$@"
}
is_driver() { grep -qsx aws-efs-csi-dri "/proc/$1/comm"; }
find_driver() {
  DRIVER="$(pgrep -P "$1" | head -1)"
  [[ -n "$DRIVER" ]] && is_driver "$DRIVER"
}
# The driver: pid 1 of the pod, which reaps nothing by itself (here: nothing at all).
driver_start() {
  cp -f "$(command -v sleep)" "$NODE/aws-efs-csi-driver"
  # shellcheck disable=SC2016  # expanded in there
  unshare --mount --pid --fork --mount-proc --propagation unchanged --kill-child bash -c '
    umount /etc/amazon/efs && mount -t tmpfs amazon /etc/amazon && ln -s "$1" /etc/amazon/efs &&
    exec "$2" 3600' pod "$HOST_CONFIG" "$NODE/aws-efs-csi-driver" </dev/null >"$NODE/pod.log" 2>&1 &
  eventually 10 find_driver $! || fail "the pod did not start: $(cat "$NODE/pod.log")"
  # CSI-7: what is missing comes from the image; CSI-8: the configuration is written anew.
  cp -n /etc/amazon/efs/efs-utils.crt "$HOST_CONFIG/"
  sed -e "s|^#* *region *=.*|region = $REGION|" -e 's|^#* *source *=.*|source = k8s|' \
    -e 's|^port_range_upper_bound *=.*|port_range_upper_bound = 21049|' \
    /etc/amazon/efs/efs-utils.conf >"$HOST_CONFIG/efs-utils.conf"
  # CSI-9
  sed -i '/libwrap = no/d' "$STATE"/stunnel-config.* 2>/dev/null
  # CSI-4: its child, started again at once when it ends.
  # shellcheck disable=SC2016
  pod bash -c 'while :; do amazon-efs-mount-watchdog; echo "ended with $?" >>"$1/watchdog.ends"; done' \
    loop "$NODE" </dev/null >"$NODE/watchdog.out" 2>"$NODE/watchdog.err" &
}
# SIGKILL to pid 1 ends every process of the pod.
driver_kill() {
  kill -9 "$DRIVER"
  eventually 5 has_ended "$DRIVER" || fail "the pod lives"
}
# publish OPTIONS DEVICE VOLUME: what NodePublishVolume does; both streams until their end (CSI-1, EX-3).
publish() {
  local target="$VOLUMES/$3/mount"
  mkdir -p "$target"
  note "mount -t efs -o $1 $2 $target"
  OUTPUT="$(timeout $((60 * SCALE)) nsenter --target "$DRIVER" --mount --pid --wd=/ -- \
    env -i PATH="$PATH" AWS_DEFAULT_REGION="$REGION" mount -t efs -o "$1" "$2" "$target" 2>&1 </dev/null)" ||
    fail "NodePublishVolume ended with $?: $OUTPUT"
  # A machine without a moment to spare may need another attempt, which is told.
  equal "output of a good mount" "$(grep -v '^Mount attempt' <<<"$OUTPUT")" ""
  is_mounted "$target" || fail "$target is not mounted on the node"
}
command_of() { tr '\0' ' ' <"/proc/$1/cmdline"; }
# zombies_of_pod: names of the dead that wait for pid 1 of the pod.
zombies_of_pod() {
  local stat pid name state parent
  for stat in /proc/[0-9]*/stat; do
    { read -r pid name state parent _ <"$stat"; } 2>/dev/null || continue
    if [[ "$state" == Z && "$parent" == "$DRIVER" ]]; then echo "$name"; fi
  done
}

driver_start
publish tls "$FS:/" pvc-root
publish "tls,accesspoint=$AP_WEB" "$FS:/" pvc-web
publish "" "$FS:/" pvc-plain
root=$VOLUMES/pvc-root/mount web=$VOLUMES/pvc-web/mount plain=$VOLUMES/pvc-plain/mount
equal "tunnels" "$(tunnels | wc -l)" 3

note "what the driver's own tests look for (CSI-12)"
[[ "$(mount)" == *"127.0.0.1:/ on $root"* ]] || fail "mount does not show 127.0.0.1:/ on $root"
for volume in pvc-root pvc-web pvc-plain; do
  words="$(command_of "$(tunnel_of "$VOLUMES/$volume/mount")")"
  [[ "$words" == *efs-proxy*"$FS"*"$volume"* ]] || fail "the tunnel of $volume is called: $words"
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
mkdir -p "$VOLUMES/pvc-closed/mount"
pod mount -t efs -o tls "$FS:/" "$VOLUMES/pvc-closed/mount" </dev/null >&- 2>&- || fail "ended with $?"
is_mounted "$VOLUMES/pvc-closed/mount" || fail "not mounted without streams"

note "a failed publish tells why, on stderr alone, and leaves nothing"
mkdir -p "$VOLUMES/pvc-bad/mount"
before="$(state_files | sort)"
reason="$(pod mount -t efs -o "tls,accesspoint=$UNKNOWN_AP" "$FS:/" "$VOLUMES/pvc-bad/mount" 2>&1 >/dev/null </dev/null)" &&
  fail "an unknown access point was mounted"
[[ "$reason" == *"$UNKNOWN_AP"* ]] || fail "the reason is: $reason"
equal "state files" "$(state_files | sort)" "$before"

note "a tunnel dies; the driver reaps nothing but tunnels (CSI-6)"
old="$(tunnel_of "$web")"
kill -9 "$old"
eventually 15 tunnel_is_new "$web" "$old" || fail "no new tunnel"
equal "content" "$(cat "$web/index.html")" page
others="$(zombies_of_pod | grep -v efs-proxy)"
equal "zombies that the driver does not know" "$others" ""

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
driver_start
# Pids of the state files now name other processes.
for ((i = 0; i < 30; i++)); do pod sleep 600 & done </dev/null >/dev/null 2>&1
four_tunnels() { [[ "$(tunnels | wc -l)" == 4 ]]; }
eventually 20 four_tunnels || fail "tunnels after the restart: $(tunnels | wc -l) instead of 4"
wait "$writer" || fail "the writer failed"
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/written-by-pod")" "$(checksum "$WORLD/blob")"
equal "ports" "$(our_mounts | grep -o 'port=[0-9]*' | sort)" "$ports"
equal "the key" "$(checksum "$HOST_CONFIG/privateKey.pem")" "$key"
equal "processes that only had a tunnel's pid" "$(pgrep -fcx "sleep 600")" 30

note "the watchdog never ended by itself and said nothing (CSI-4)"
[[ ! -s "$NODE/watchdog.ends" && ! -s "$NODE/watchdog.out" && ! -s "$NODE/watchdog.err" ]] ||
  fail "watchdog: $(cat "$NODE"/watchdog.*)"

note "NodeUnpublishVolume (CSI-3)"
pod umount "$root" </dev/null || fail "umount ended with $?"
pod umount -f "$web" </dev/null || fail "umount -f ended with $?"
pod umount -i "$plain" </dev/null || fail "umount without helper ended with $?"
pod umount "$VOLUMES/pvc-closed/mount" </dev/null || fail "umount ended with $?"
all_cleared
driver_kill
