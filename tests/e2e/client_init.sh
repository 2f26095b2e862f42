#!/bin/bash
# First process of a client (world.sh, client_up): gives it private directories, then stays to adopt
# and reap what its programs leave behind, as the init of a container does.
name=$1
EFS_TREE="$(cd "$E2E/../.." && pwd)"
# shellcheck source=tests/e2e/client_config.sh
. "$E2E/client_config.sh"
home="$WORLD/clients/$name"
set -e
mount --make-rprivate /
hostname "$name"
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 mnt /mnt
mount -t tmpfs -o mode=700 root /root
mkdir -p /etc/amazon/efs /var/log/amazon/efs
mount --bind "$home/amazon" /etc/amazon/efs
mount --bind "$home/log" /var/log/amazon/efs
printf 'nameserver 10.77.0.2\noptions timeout:1 attempts:2\n' >"$home/resolv.conf"
mount --bind "$home/resolv.conf" /etc/resolv.conf
if [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
  mount --bind "$WORLD/sim/ca.pem" /etc/ssl/certs/ca-certificates.crt
fi
client_config
trap 'umount -a -f -l -t nfs4 2>/dev/null; exit 0' TERM
echo up >"$home/ready"
while :; do
  sleep 3600 &
  wait $!
done
