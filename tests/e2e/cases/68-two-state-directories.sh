#!/usr/bin/env bash
# A container with a state directory and a network of its own shares no lock with its host. Of their mounts of one
# place at the same moment exactly one stays, with both ways to make a mount, with and without TLS, though their tunnels
# have the same ports; every exit code is true, the mount works, and what lost leaves nothing. Mounts of host and
# container with one port that stand at two places do not keep each other's tunnels. Contract: CSI-1, FLOW-3.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

ADDRESS=10.77.9.54
PLACES=/mnt/places
TARGET=$PLACES/x
mkdir -p "$PLACES" /run/efs
mount -t tmpfs places "$PLACES"
mount --make-shared "$PLACES"
mkdir "$TARGET"
echo root >"$WORLD/data/$FS/who"
unshare --mount --net --propagation unchanged sleep $((600 * SCALE)) </dev/null >/dev/null 2>&1 &
CONTAINER=$!
apart() { [[ "$(readlink "/proc/$CONTAINER/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]]; }
eventually 5 apart || fail "the container has no mounts of its own"
inside() { nsenter --target "$CONTAINER" --mount --net -- "$@"; }
inside mount -t tmpfs -o mode=755 own /run/efs || fail "no state directory of its own"
inside mount -t sysfs sys /sys
ip link add container54 type veth peer name eth0 netns "$CONTAINER"
ip link set container54 up
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0 net.ipv4.neigh.container54.proxy_delay=0
ip route add "$ADDRESS/32" dev container54
inside bash -c "ip link set lo up && ip addr add $ADDRESS/32 dev eth0 && ip link set eth0 up && ip route add default dev eth0" ||
  fail "the container's network is not up"
efs_setting region "$REGION"
mountpoint -q /run/efs && fail "the container's state directory shows on the host"

mounts_of_target() { awk -v where="$TARGET" '$5 == where' /proc/self/mountinfo | wc -l; }
states() { state_files; inside find /run/efs -mindepth 1 -maxdepth 1 \( -name 'fs-*' -o -name '~fs-*' -o -name 'stunnel-config.*' \); }
ports() { our_ports; inside ss -Hltn 'sport >= :20049 and sport < :21049'; }
# left_are TUNNELS FILES
left_are() { [[ "$(tunnels | wc -l)" -eq $1 && "$(ports | wc -l)" -eq $1 && "$(states | wc -l)" -eq $2 ]]; }
none_left() { is_clean && [[ -z "$(states)$(ports)" ]]; }

# Two networks may choose the same port, once in a thousand times: here each time.
PORT=20100
take_port() { PORT_OPTION=""; [[ $1 == stunnel* ]] || PORT_OPTION=",tlsport=$((PORT++))"; }
# at_once N OPTIONS: N from the host and N from the container; how number I ended is in CODE[I].
at_once() {
  local number=0 started=() i
  CODE=()
  rm -f "$WORLD"/said.*
  for ((i = 0; i < $1; i++)); do
    take_port "$2"
    timeout $((120 * SCALE)) mount.efs "$FS:/" "$TARGET" -o "$2$PORT_OPTION" >"$WORLD/said.$number" 2>&1 </dev/null &
    started+=($!)
    inside timeout $((120 * SCALE)) mount.efs "$FS:/" "$TARGET" -o "$2$PORT_OPTION" >"$WORLD/said.$((number + 1))" 2>&1 </dev/null &
    started+=($!)
    number=$((number + 2))
  done
  for ((i = 0; i < number; i++)); do
    wait "${started[i]}"
    CODE+=($?)
  done
  note "$2: exit codes ${CODE[*]}"
}
judge() {
  local i winners=0
  equal "mounts at the place" "$(mounts_of_target)" 1
  for ((i = 0; i < ${#CODE[@]}; i++)); do
    case ${CODE[i]} in
      0) grep -q 'is already mounted' "$WORLD/said.$i" || winners=$((winners + 1)) ;;
      32) grep -q 'another file system was mounted' "$WORLD/said.$i" || fail "number $i: $(cat "$WORLD/said.$i")" ;;
      *) fail "number $i ended with ${CODE[i]}: $(cat "$WORLD/said.$i")" ;;
    esac
  done
  equal "mounts that say they mounted" "$winners" 1
  equal "what is read" "$(timeout $((20 * SCALE)) cat "$TARGET/who")" root
}

for api in classic auto; do
  efs_setting mount_api "$api"
  # With TLS, by a plain tunnel, and directly (MODE-2): option, tunnels, files.
  for kind in "tls 1 3" "rw 1 2" "stunnel 0 0"; do
    read -r options tunnels_left files_left <<<"$kind"
    options+=",mounttargetip=$TARGET_A"
    for ((round = 1; round <= 3; round++)); do
      at_once 2 "$options"
      judge
      eventually 10 left_are "$tunnels_left" "$files_left" || fail "left behind: tunnels [$(tunnels)] ports [$(ports)] files [$(states)]"
      unmount "$TARGET"
      eventually 20 none_left || fail "left behind: tunnels [$(tunnels)] ports [$(ports)] files [$(states)]"
    done
  done
done

# At two places that both can see.
efs_setting mount_api auto
mkdir -p "$PLACES/host" "$PLACES/container"
OPTIONS="tls,tlsport=$PORT,mounttargetip=$TARGET_A"
mount.efs "$FS:/" "$PLACES/host" -o "$OPTIONS" || fail "the host's mount"
inside mount.efs "$FS:/" "$PLACES/container" -o "$OPTIONS" || fail "the container's mount of the same port"
eventually 10 left_are 2 6 || fail "two tunnels: [$(tunnels)] [$(ports)] [$(states)]"
# The watchdogs have seen both.
sleep 3
efsctl status --json | grep -q "$PLACES/host" || fail "efsctl status: $(efsctl status --json)"
! efsctl status --json | grep -q "$PLACES/container" || fail "efsctl names the container's mount point: $(efsctl status --json)"
# umount.efs itself tells whose mount is left: nobody else is there to end the tunnel.
for pid in $(watchdogs); do
  [[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]] || kill -9 "$pid"
done
unmount "$PLACES/host"
eventually 20 left_are 1 3 || fail "the host's tunnel stayed: [$(tunnels)] [$(ports)] [$(states)]"
equal "what is read" "$(timeout $((20 * SCALE)) cat "$PLACES/container/who")" root
inside umount "$PLACES/container" || fail "the container's unmount"
eventually 20 none_left || fail "left behind: tunnels [$(tunnels)] ports [$(ports)] files [$(states)]"
for pid in $(watchdogs); do kill "$pid"; done
kill "$CONTAINER"
