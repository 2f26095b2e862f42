#!/usr/bin/env bash
# Mounts in another network namespace are clients of their own there: the identifier of that network is set
# for the mount and given back, the host's is never touched, and two mounts of one file system are not merged.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/task_network.sh
. "$E2E/task_network.sh"

task_network_up
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
