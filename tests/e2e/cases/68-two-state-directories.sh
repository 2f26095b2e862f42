#!/usr/bin/env bash
# A container with a state directory of its own shares no lock with its host. Of their mounts of one place at
# the same moment exactly one stays, with both ways to make a mount; every exit code is true, the mount works and
# goes through its own tunnel, and what lost leaves nothing. Contract: CSI-1, FLOW-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

PLACES=/mnt/places
TARGET=$PLACES/x
mkdir -p "$PLACES" /run/efs
mount -t tmpfs places "$PLACES"
mount --make-shared "$PLACES"
mkdir "$TARGET"
echo root >"$WORLD/data/$FS/who"
unshare --mount --propagation unchanged sleep $((600 * SCALE)) </dev/null >/dev/null 2>&1 &
CONTAINER=$!
apart() { [[ "$(readlink "/proc/$CONTAINER/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]]; }
eventually 5 apart || fail "the container has no mounts of its own"
inside() { nsenter --target "$CONTAINER" --mount -- "$@"; }
inside mount -t tmpfs -o mode=755 own /run/efs || fail "no state directory of its own"
mountpoint -q /run/efs && fail "the container's state directory shows on the host"

mounts_of_target() { awk -v where="$TARGET" '$5 == where' /proc/self/mountinfo | wc -l; }
states() { state_files; inside find /run/efs -mindepth 1 -maxdepth 1 \( -name 'fs-*' -o -name '~fs-*' -o -name 'stunnel-config.*' \); }
one_of_each() { [[ "$(tunnels | wc -l)" -eq 1 && "$(our_ports | wc -l)" -eq 1 && "$(states | wc -l)" -eq 3 ]]; }
none_left() { is_clean && [[ -z "$(states)" ]]; }

# at_once N OPTIONS: N from the host and N from the container; how number I ended is in CODE[I].
at_once() {
  local number=0 started=() i
  CODE=()
  rm -f "$WORLD"/said.*
  for ((i = 0; i < $1; i++)); do
    timeout $((120 * SCALE)) mount.efs "$FS:/" "$TARGET" -o "$2" >"$WORLD/said.$number" 2>&1 </dev/null &
    started+=($!)
    inside timeout $((120 * SCALE)) mount.efs "$FS:/" "$TARGET" -o "$2" >"$WORLD/said.$((number + 1))" 2>&1 </dev/null &
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

rounds=4
for api in classic auto; do
  efs_setting mount_api "$api"
  for ((round = 1; round <= rounds; round++)); do
    at_once 3 tls
    judge
    eventually 10 one_of_each || fail "left behind: tunnels [$(tunnels)] ports [$(our_ports)] files [$(states)]"
    unmount "$TARGET"
    eventually 20 none_left || fail "left behind: tunnels [$(tunnels)] ports [$(our_ports)] files [$(states)]"
  done
done
for pid in $(watchdogs); do kill "$pid"; done
kill "$CONTAINER"
