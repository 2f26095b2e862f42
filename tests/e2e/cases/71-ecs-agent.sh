#!/usr/bin/env bash
# Plays the ECS agent's volume plugin and Fargate, command by command: a task with a network of its own,
# credentials by awscredsuri, umount -l while the task still writes, a task that dies and takes the path
# of its network with it; a task on the host's network with tlsport.
# Contract: NET-1, CRED-1, CRED-10, EX-2, WD-5, DNS-3, section 23.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

CREDENTIALS=/v2/credentials/efs-client
LOG=/var/log/amazon/efs/mount.log
WATCHDOG_LOG=/var/log/amazon/efs/mount-watchdog.log
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp

network_of() { readlink "/proc/$1/ns/net"; }
has_own_network() { [[ "$(network_of "$1")" != "$(network_of $$)" ]]; }
# task ADDRESS: a task in awsvpc mode; its process is $TASK, its network $NETWORK.
task() {
  local device=task${1##*.}
  unshare --net sleep 600 </dev/null >/dev/null 2>&1 &
  TASK=$!
  eventually 5 has_own_network "$TASK" || fail "the task has no network"
  NETWORK="$(network_of "$TASK")"
  ip link add "$device" type veth peer name eth0 netns "$TASK"
  ip link set "$device" up
  echo 1 >"/proc/sys/net/ipv4/conf/$device/proxy_arp"
  ip route add "$1/32" dev "$device"
  nsenter --net="/proc/$TASK/ns/net" bash -c "ip link set lo up && ip addr add $1/32 dev eth0 &&
    ip link set eth0 up && ip route add default dev eth0" || fail "the task's network is not up"
}
# tunnels_in NETWORK
tunnels_in() {
  local pid
  for pid in $(tunnels); do
    if [[ "$(network_of "$pid")" == "$1" ]]; then echo "$pid"; fi
  done
}
is_new_in() {
  local now
  now="$(tunnels_in "$1")"
  [[ -n "$now" && "$now" != "$2" ]]
}
# writes DIRECTORY NAME: a task that writes for some seconds, each file to the server's disk.
writes() {
  (
    cd "$1" || exit 1
    for ((i = 0; i < 15; i++)); do
      echo "$i" >"$2-$i" && dd if=/dev/zero of="$2-$i" bs=4k count=1 seek=1 conv=notrunc,fsync status=none || exit 1
      sleep 0.2
    done
  ) &
  WRITER=$!
  eventually 10 test -e "$1/$2-0" || fail "the task does not write"
}
written() { find "$1" -name "$2-*" -size +4k | wc -l; }

# Not what is tested here; the metadata service has a second to answer, which a busy machine may not have.
efs_setting region "$REGION"
note "only the container's credentials may be used: those of the instance are gone"
fault imds no-role

note "awsvpc: network, tunnel and mount are the task's (NET-1)"
task 10.77.9.51
options="tls,iam,awscredsuri=$CREDENTIALS,netns=/proc/$TASK/ns/net"
mount_efs "$options" "$FS_CLOSED:/" /mnt/ecs-one
equal "source" "$(mount_source /mnt/ecs-one)" 127.0.0.1:/
equal "tunnels in the task's network" "$(tunnels_in "$NETWORK" | wc -l)" 1
equal "ports in the host's network" "$(our_ports)" ""
grep -qs "\"ecs:$CREDENTIALS\"" "$STATE"/fs-* || fail "the state does not remember the source of the credentials"
mkdir /mnt/ecs-one/data

note "umount -l while the task writes: it goes on, then the tunnel goes (WD-5)"
writes /mnt/ecs-one/data one
unmount -l /mnt/ecs-one
! is_mounted /mnt/ecs-one || fail "still mounted"
wait "$WRITER" || fail "the task could not write after umount -l"
equal "files of the task on the server" "$(written "$WORLD/data/$FS_CLOSED/data" one)" 15
all_cleared
! grep -q 'Starting TLS tunnel' "$WATCHDOG_LOG" || fail "the tunnel was started again after the unmount"
kill "$TASK"

note "the path of the network vanishes, then the tunnel dies"
task 10.77.9.52
mount_efs "tls,iam,awscredsuri=$CREDENTIALS,accesspoint=$AP_WEB,netns=/proc/$TASK/ns/net" "$FS:/" /mnt/ecs-two
tunnel="$(tunnels_in "$NETWORK")"
writes /mnt/ecs-two two
kill -9 "$TASK"
eventually 5 has_ended "$TASK" || fail "the task lives"
kill -9 "$tunnel"
eventually 20 is_new_in "$NETWORK" "$tunnel" || fail "no new tunnel in the vanished network"
wait "$WRITER" || fail "the task could not write"
equal "files of the task on the server" "$(written "$WORLD/data/$FS/web-content" two)" 15
unmount -l /mnt/ecs-two
all_cleared

note "host network: the port of the task definition"
mount_efs "tls,tlsport=20555,iam,awscredsuri=$CREDENTIALS" "$FS:/" /mnt/ecs-three
equal "port" "$(mount_port /mnt/ecs-three)" 20555
mkdir -p /mnt/ecs-four
refuse 1 mount -t efs -o "tls,tlsport=20555" "$FS:/" /mnt/ecs-four
says "Specified port [20555] is unavailable"
unmount -l /mnt/ecs-three
all_cleared

note "Fargate: configuration, success, and the reason of a failure with code 32 (EX-2)"
sed -i -e 's|^#* *source *=.*|source = ecs.fargate|' -e 's|^\[mount\]|&\naz_id = use1-az2|' /etc/amazon/efs/efs-utils.conf
mount_efs "noresvport,tls,iam,awscredsuri=$CREDENTIALS" "$FS_CLOSED:/" /mnt/fargate
unmount -l /mnt/fargate
mount_efs "noresvport,tls,crossaccount" "$FS:/" /mnt/fargate
grep -q "mount target use1-az2.$DNS_NAME is $TARGET_B" "$LOG" || fail "az_id of the configuration was not used"
unmount -l /mnt/fargate
refuse 32 mount -t efs -o "noresvport,tls,iam,awscredsuri=$CREDENTIALS,accesspoint=$UNKNOWN_AP" "$FS:/" /mnt/fargate
says "$UNKNOWN_AP"
terse
refuse 1 mount -t efs -o "tls,iam,awscredsuri=/v2/credentials/nobody" "$FS:/" /mnt/fargate
says /v2/credentials/nobody
terse
all_cleared
