# shellcheck shell=bash
# The AWS EFS CSI driver on a Kubernetes node, for the cases that play it. The client is the node; the
# pod has a root, mounts and processes of its own (csi_pod.sh) and shares with the node its network and
# what the driver's manifest names: /var/lib/kubelet (mounts go both ways), /var/run/efs, its directory
# for /etc/amazon/efs, its socket. tests/tools/csi_driver.cc is its first process. Sourced after lib.sh.

NODE=/mnt/node                # what outlives the pod beside /var/run/efs
KUBELET=/var/lib/kubelet
VOLUMES=$KUBELET/pods/0a1b2c3d-0000-4444-8888-0123456789ab/volumes/kubernetes.io~csi
HOST_CONFIG=$NODE/amazon-efs  # /var/amazon/efs of a real node
# shellcheck disable=SC2034  # for the cases
EVENTS_OF_WATCHDOG=$NODE/csi/watchdog.events
POD_IMAGE=$WORLD/pod-image
DRIVER=""

# What the image has (CSI-11), and nothing else.
IMAGE_PROGRAMS=(cat df env find grep ls mount umount sed stat sleep
  mount.efs umount.efs mount.s3files umount.s3files efs-proxy amazon-efs-mount-watchdog efsctl)

csi_node() {
  mkdir -p "$NODE/csi" "$KUBELET" "$HOST_CONFIG" /run/efs
  mount -t tmpfs kubelet "$KUBELET"
  mount --make-rshared "$KUBELET"
  mkdir -p "$VOLUMES"
  pod_image
}
# pod_image: once per world.
pod_image() {
  local image=$POD_IMAGE.new name file
  [[ ! -d $POD_IMAGE ]] || return 0
  mkdir -p "$image"/{usr/{bin,lib,lib64},etc/{ssl/certs,amazon},proc,sys,dev,tmp,root,run,csi,var/{lib/kubelet,amazon,log/amazon/efs}}
  for name in bin lib lib64; do ln -s "usr/$name" "$image/$name"; done
  ln -s usr/bin "$image/sbin"
  ln -s bin "$image/usr/sbin"
  ln -s /run "$image/var/run"
  ln -s /proc/self/mounts "$image/etc/mtab"
  for name in "${IMAGE_PROGRAMS[@]}"; do
    file="$(command -v "$name")" || fail "the image needs $name"
    cp -L "$file" "$image/usr/bin/"
    image_libraries "$image" "$file"
  done
  cp -L "$(command -v csi-driver)" "$image/usr/bin/aws-efs-csi-driver"
  image_libraries "$image" "$(command -v csi-driver)"
  for file in /usr/lib/*/libcurl.so.4; do  # opened when needed
    image_libraries "$image" "$file"
    cp -L "$file" "$image$file"
  done
  cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$image/etc/"
  mv "$image" "$POD_IMAGE"
}
# image_libraries IMAGE FILE: what the loader would open for it, and the loader.
image_libraries() {
  local library
  /lib64/ld-linux-x86-64.so.2 --list "$2" | grep -oE '/[^ ]+\.so[^ ]*' | while read -r library; do
    [[ -e "$1$library" ]] && continue
    mkdir -p "$1${library%/*}"
    cp -L "$library" "$1$library"
  done
}

# pod COMMAND...: in the pod, with its environment, but not by the driver.
pod() {
  nsenter --target "$DRIVER" --mount --pid --ipc --wd=/ -- \
    env -i PATH=/usr/bin HOME=/root AWS_DEFAULT_REGION="$REGION" "$@"
}
# driver_does WORD...: the driver runs a command in its pod.
driver_does() { timeout $((60 * SCALE)) csi-driver ask "$NODE/csi/csi.sock" run "$@"; }
driver_answers() { driver_does cat /dev/null >/dev/null 2>&1; }
find_driver() {
  DRIVER="$(pgrep -P "$1" | head -1)"
  [[ -n "$DRIVER" ]] && grep -qsx aws-efs-csi-dri "/proc/$DRIVER/comm"
}
# driver_start THREADS: how many pids behind its own the driver's threads take at once.
driver_start() {
  rm -f "$NODE/csi/csi.sock"
  unshare --mount --pid --ipc --fork --propagation unchanged --kill-child \
    bash "$E2E/csi_pod.sh" "$NODE" "$KUBELET" "$POD_IMAGE" "$REGION" "$1" </dev/null >"$NODE/pod.log" 2>&1 &
  eventually 10 find_driver $! || fail "the pod did not start: $(cat "$NODE/pod.log")"
  eventually 10 driver_answers || fail "the driver does not serve: $(cat "$NODE/pod.log")"
}
# driver_kill: SIGKILL to pid 1 ends every process of the pod.
driver_kill() {
  kill -9 "$DRIVER"
  eventually 5 has_ended "$DRIVER" || fail "the pod lives"
}

volume() { echo "$VOLUMES/$1/mount"; }
# ask_publish OPTIONS DEVICE VOLUME: NodePublishVolume; both streams until their end (CSI-1, EX-3).
ask_publish() {
  timeout $((90 * SCALE)) csi-driver ask "$NODE/csi/csi.sock" publish mount -t efs -o "$1" "$2" "$(volume "$3")"
}
# publish OPTIONS DEVICE VOLUME: must work, and silently. A machine without a moment to spare may need
# another attempt, which is told.
publish() {
  note "mount -t efs -o $1 $2 $(volume "$3")"
  OUTPUT="$(ask_publish "$@" 2>&1 </dev/null)" || fail "NodePublishVolume ended with $?: $OUTPUT"
  equal "output of a good mount" "$(grep -v '^Mount attempt' <<<"$OUTPUT")" ""
  is_mounted "$(volume "$3")" || fail "$(volume "$3") is not mounted on the node"
}
unpublish() {
  OUTPUT="$(driver_does umount "$(volume "$1")" 2>&1)" || fail "NodeUnpublishVolume ended with $?: $OUTPUT"
}

# zombies_of_pod: names of the dead that wait for pid 1 of the pod.
zombies_of_pod() {
  local stat name state parent
  for stat in /proc/[0-9]*/stat; do
    { read -r _ name state parent _ <"$stat"; } 2>/dev/null || continue
    if [[ "$state" == Z && "$parent" == "$DRIVER" ]]; then echo "$name"; fi
  done
}
no_foreign_zombies() { ! zombies_of_pod | grep -qv efs-proxy; }
tunnels_are() { [[ "$(tunnels | wc -l)" == "$1" ]]; }
command_of() { tr '\0' ' ' <"/proc/$1/cmdline"; }
# state_pids: the pids that the state files name.
state_pids() { grep -hoE '"pid": *[0-9]+' /run/efs/fs-* 2>/dev/null | grep -oE '[0-9]+'; }
# thread_ids: of the driver, as its pod counts.
thread_ids() { sed -n 's/^NSpid:.*[[:space:]]//p' /proc/"$DRIVER"/task/*/status; }
