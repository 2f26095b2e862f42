# shellcheck shell=bash
# The world of the end-to-end tests: a VPC with an EFS in it and clients beside it. Sourced by what runs
# in the place (tests/testbed/place.sh); needs root and namespaces of its own.
#
#   netns aws   bridge vpc, 10.77.0.1/16: DNS 10.77.0.2, mount targets 10.77.{1,2,3}.10 (one per AZ),
#               169.254.169.254 (IMDS) and 169.254.170.2 (containers); the simulator lives here
#   netns one   10.77.9.1, a client with its own mounts, host name, processes, /run, /etc/amazon/efs
#   netns two   10.77.9.2, another one

E2E="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
EFS_TREE="$(cd "$E2E/../.." && pwd)"
WORLD="${WORLD:-/tmp/world}"
export WORLD E2E EFS_TREE

# shellcheck source=tests/e2e/facts.sh
. "$E2E/facts.sh"
# shellcheck source=tests/e2e/client_config.sh
. "$E2E/client_config.sh"
# shellcheck source=tests/e2e/simulator.sh
. "$E2E/simulator.sh"

world_die() { printf 'world: %s\n' "$*" >&2; exit 1; }

# world_up: network and simulator. Returns when the simulator serves.
world_up() {
  mkdir -p "$WORLD"/{sim,clients}
  touch /etc/resolv.conf
  world_network
  world_simulator
}

world_network() {
  local address
  ip netns add aws
  ip -n aws link set lo up
  ip -n aws link add vpc type bridge 2>/dev/null || world_die "the kernel has no bridge"
  ip -n aws link set vpc up
  for address in {$VPC_GATEWAY,$VPC_DNS,$TARGET_A,$TARGET_B,$TARGET_C,$TARGET_CLOSED,$TARGET_SPARE,$TARGET_SEPARATE_A,$TARGET_SEPARATE_B,$TARGET_S3_A,$TARGET_S3_B}/16 \
    {$IMDS_ADDRESS,$CONTAINER_ADDRESS}/32; do
    ip -n aws addr add "$address" dev vpc
  done
}

world_simulator() {
  local started=$SECONDS
  simulator_config >"$WORLD/simulator.json"
  : >"$WORLD/simulator.log"
  (
    cd "$WORLD/sim" || exit 1
    exec nsenter --net=/run/netns/aws efs-simulator --config "$WORLD/simulator.json"
  ) >"$WORLD/simulator.log" 2>&1 </dev/null &
  SIMULATOR_PID=$!
  until grep -q '^ready' "$WORLD/simulator.log"; do
    kill -0 "$SIMULATOR_PID" 2>/dev/null || world_die "the simulator ended: $(tail -5 "$WORLD/simulator.log")"
    [[ $((SECONDS - started)) -lt 60 ]] || world_die "the simulator is not ready after 60 s"
    sleep 0.05
  done
}

# world_down: everything that world_up and client_up made. The place would take it along; in a clean
# run it must also be possible to say that nothing is left.
world_down() {
  local name
  for name in "$WORLD"/clients/*; do
    if [[ -d "$name" ]]; then client_down "${name##*/}"; fi
  done
  if [[ -n "${SIMULATOR_PID:-}" ]]; then
    kill "$SIMULATOR_PID" 2>/dev/null
    wait "$SIMULATOR_PID" 2>/dev/null
  fi
  ip netns del aws
}

# client_up NAME ADDRESS [shared]: a fresh client. Its private key is kept over its lives (making one
# takes seconds in an emulated machine), everything else is new. Shared: it has no pid namespace.
client_up() {
  local name=$1 address=$2 home="$WORLD/clients/$1" pids=(--pid)
  [[ "${3:-}" != shared ]] || pids=()
  ip netns add "$name"
  ip -n "$name" link set lo up
  ip -n aws link add "veth-$name" type veth peer name eth0 netns "$name"
  ip -n aws link set "veth-$name" master vpc up
  ip -n "$name" addr add "$address/16" dev eth0
  ip -n "$name" link set eth0 up
  ip -n "$name" route add default via "$VPC_GATEWAY"
  rm -rf "$home/log" "$home/ready"
  mkdir -p "$home/log" "$home/amazon"
  mkfifo "$home/ready"
  # Its own session: a signal for the client never reaches the test run.
  setsid nsenter --net="/run/netns/$name" unshare --mount --uts --ipc "${pids[@]}" --fork --kill-child --mount-proc \
    /bin/bash "$E2E/client_init.sh" "$name" >"$home/init.log" 2>&1 </dev/null &
  echo $! >"$home/pid"
  read -r -t $((30 * ${EFS_TIME_SCALE:-1})) <>"$home/ready" || world_die "client $name did not come up: $(cat "$home/init.log")"
}

# on NAME COMMAND...: runs a command in a client, as root, with the environment of a service.
on() {
  local name=$1 init
  shift
  init="$(client_init_pid "$name")"
  nsenter --target "$init" --mount --uts --ipc --net --pid --wd=/ -- \
    env -i PATH="$PATH" HOME=/root WORLD="$WORLD" E2E="$E2E" EFS_PLACE="${EFS_PLACE:-}" \
    EFS_TIME_SCALE="${EFS_TIME_SCALE:-1}" EFS_SEED="${EFS_SEED:-}" \
    EFS_RANDOM_SECONDS="${EFS_RANDOM_SECONDS:-}" EFS_MOUNTS="${EFS_MOUNTS:-}" "$@"
}
# The first process of the client's PID namespace is the only child of unshare.
client_init_pid() {
  local unshare
  unshare="$(pgrep -P "$(cat "$WORLD/clients/$1/pid")" -x unshare || cat "$WORLD/clients/$1/pid")"
  pgrep -P "$unshare"
}

# applications NAME INIT: processes of a client beside its first two and those of its mounts.
applications() {
  local pid name
  for pid in $(ip netns pids "$1"); do
    read -r name <"/proc/$pid/comm" || continue
    case $name in
      # sleep: the first process starts another one at once.
      # aws-efs-csi-dri: pid 1 of a pod takes the tunnels along.
      efs-proxy | amazon-efs-moun* | aws-efs-csi-dri* | unshare | sleep) ;;
      *) if [[ $pid != "$2" ]]; then echo "$pid"; fi ;;
    esac
  done 2>/dev/null
}
# What a failed case left running must be gone before its mounts are, and those before their tunnels: a
# process that dies with the last open file of a mount whose tunnel is dead never ends. Whose calls are
# not answered gets EIO by umount -f.
end_applications() {
  local pids deadline=$((SECONDS + 60 * ${EFS_TIME_SCALE:-1})) patience=$((SECONDS + 20 * ${EFS_TIME_SCALE:-1}))
  while pids="$(applications "$@")" && [[ -n "$pids" && $SECONDS -lt $deadline ]]; do
    # shellcheck disable=SC2086  # words
    kill -KILL $pids 2>/dev/null
    [[ $SECONDS -lt $patience ]] || on "$1" timeout -k 1 5 umount -i -a -f -t nfs4
    sleep 0.2
  done 2>/dev/null
}

client_ended() {
  local deadline=$((SECONDS + 60 * ${EFS_TIME_SCALE:-1}))
  while kill -0 "$1" 2>/dev/null; do
    [[ $SECONDS -lt $deadline ]] || return 1
    sleep 0.05
  done
  wait "$1" 2>/dev/null
  return 0
}

# client_down NAME: ends the client with all its processes; a mount that is still there goes first.
client_down() {
  local name=$1 home="$WORLD/clients/$1" pid
  [[ -s "$home/pid" ]] || return 0
  pid="$(cat "$home/pid")"
  end_applications "$name" "$(client_init_pid "$name")"
  kill "$(client_init_pid "$name")" 2>/dev/null
  client_ended "$pid" || world_die "client $name does not end: $(ps -eo pid,stat,wchan:32,args)"
  # Without a pid namespace nothing takes its processes along.
  ip netns pids "$name" | xargs -r kill -KILL 2>/dev/null
  ip netns del "$name"
  ip -n aws link del "veth-$name" 2>/dev/null
  rm -f "$home/pid"
  return 0
}
