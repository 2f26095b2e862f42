#!/bin/bash
# The service efs-world: the client is the machine itself.
export WORLD=/var/lib/efs-world PATH=/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=tests/e2e/world.sh
. /efsmount/tests/e2e/world.sh
world_up
ip -n aws link add veth-vm type veth peer name vpc0 netns 1
ip -n aws link set veth-vm master vpc up
ip addr add "$CLIENT_ONE/16" dev vpc0
ip link set vpc0 up
ip route add default via "$VPC_GATEWAY"
client_config
systemd-notify --ready
wait "$SIMULATOR_PID"
