# shellcheck shell=bash
# A task with a network of its own, as a container has, that reaches the VPC through this client. Sourced after lib.sh.
ADDRESS=10.77.9.53

# task_network_up: $TASK is its process.
task_network_up() {
  unshare --net sleep 600 </dev/null >/dev/null 2>&1 &
  TASK=$!
  eventually 5 own_network || fail "the task has no network"
  ip link add task53 type veth peer name eth0 netns "$TASK"
  ip link set task53 up
  sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0 net.ipv4.neigh.task53.proxy_delay=0
  ip route add "$ADDRESS/32" dev task53
  nsenter --net="/proc/$TASK/ns/net" bash -c "ip link set lo up && ip addr add $ADDRESS/32 dev eth0 &&
    ip link set eth0 up && ip route add default dev eth0" || fail "the task's network is not up"
}
own_network() { [[ "$(readlink "/proc/$TASK/ns/net")" != "$(readlink /proc/self/ns/net)" ]]; }
