#!/usr/bin/env bash
# Mounts in another network namespace are clients of their own there: the identifier of that network is set
# for the mount and given back, the host's is never touched, and two mounts of one file system are not merged.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

ADDRESS=10.77.9.53
unshare --net sleep 600 </dev/null >/dev/null 2>&1 &
TASK=$!
own_network() { [[ "$(readlink "/proc/$TASK/ns/net")" != "$(readlink /proc/self/ns/net)" ]]; }
eventually 5 own_network || fail "the task has no network"
ip link add task53 type veth peer name eth0 netns "$TASK"
ip link set task53 up
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0 net.ipv4.neigh.task53.proxy_delay=0
ip route add "$ADDRESS/32" dev task53
nsenter --net="/proc/$TASK/ns/net" bash -c "ip link set lo up && ip addr add $ADDRESS/32 dev eth0 &&
  ip link set eth0 up && ip route add default dev eth0" || fail "the task's network is not up"
# in_task COMMAND: there, with that network's sysfs.
in_task() { nsenter --net="/proc/$TASK/ns/net" unshare --mount sh -c "mount -t sysfs sys /sys && $1"; }
IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
WRITES="$WORLD/host-values"
efs_setting region "$REGION"

mount_efs tls "$FS:/" /mnt/host
echo host-here >"$IDENTIFIER"
in_task "echo task-here >$IDENTIFIER" || fail "no identifier in the task's network"
(while :; do cat "$IDENTIFIER"; sleep 0.02; done) >"$WRITES" &
watcher=$!
mount_efs "tls,netns=/proc/$TASK/ns/net" "$FS:/" /mnt/one
mount_efs "tls,netns=/proc/$TASK/ns/net" "$FS:/" /mnt/two
kill "$watcher"
equal "values of the host's identifier meanwhile" "$(sort -u "$WRITES" | tr '\n' ' ')" "host-here "
equal "the task's identifier afterwards" "$(in_task "cat $IDENTIFIER")" task-here
equal "the host's identifier afterwards" "$(cat "$IDENTIFIER")" host-here
[[ "$(mount_port /mnt/one)" != "$(mount_port /mnt/two)" ]] || fail "both mounts go through one tunnel"
equal "devices" "$(stat -c %d /mnt/host /mnt/one /mnt/two | sort -u | wc -l)" 3
echo one >/mnt/one/of-one
equal "what the other one sees" "$(cat /mnt/two/of-one)" one
unmount /mnt/one
unmount /mnt/two
unmount /mnt/host
all_cleared
kill "$TASK"
