#!/usr/bin/env bash
# A container made a mount with a network of its own and was started anew with another: the watchdog, in the host's network,
# lets the mount's tunnel work where its NFS client is, as long as something holds that namespace.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

# shellcheck source=tests/e2e/task_network.sh
. "$E2E/task_network.sh"

task_network_up
efs_setting region "$REGION"
mkdir -p /mnt/pod

# The driver in its pod: mount.efs, tunnel and watchdog are in that network, and nothing says so (no netns=).
nsenter --net="/proc/$TASK/ns/net" mount -t efs -o tls "$FS:/" /mnt/pod || fail "the pod cannot mount"
echo before >/mnt/pod/file
port="$(mount_port /mnt/pod)"
# All processes of the pod go; its network stays (the pause container).
for pid in $(watchdogs) $(tunnels); do kill -9 "$pid"; done
no_tunnel() { [[ -z "$(tunnels)" ]]; }
eventually 5 no_tunnel || fail "the pod's tunnel lives on"

amazon-efs-mount-watchdog </dev/null >/dev/null 2>&1 &
served_there() {
  local pid
  pid="$(tunnels | head -1)"
  [[ -n $pid && "$(readlink "/proc/$pid/ns/net")" == "$(readlink "/proc/$TASK/ns/net")" ]]
}
eventually 90 served_there || fail "no tunnel in the network of the mount's client"
grep -q "another network namespace; its tunnel goes on there" /var/log/amazon/efs/mount-watchdog.log || fail "not told"
equal "what is read" "$(timeout $((60 * SCALE)) cat /mnt/pod/file)" before
timeout $((60 * SCALE)) sh -c 'echo after >/mnt/pod/file' || fail "it cannot be written"
equal "its port" "$(mount_port /mnt/pod)" "$port"
# The next tunnel is started there at once.
kill -9 "$(tunnels | head -1)"
eventually 20 served_there || fail "the next tunnel is not there"
equal "what is read then" "$(timeout $((60 * SCALE)) cat /mnt/pod/file)" after
unmount /mnt/pod
all_cleared
kill "$TASK"
