#!/usr/bin/env bash
# Mounts that the watchdog does not find in its own namespaces, with I/O running: one in a private mount namespace
# (`unshare -m`), which it knows by its port alone, and one in another network (netns=), whose tunnel must be
# started there. Contract: NET-1, WD-6.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"
# shellcheck source=tests/e2e/task_network.sh
. "$E2E/task_network.sh"

kill_both() { kill -KILL "$(watchdogs)" "$(tunnels)"; }

# All of it in a mount namespace whose mounts nobody else sees.
if [[ -z "${IN_PRIVATE:-}" ]]; then
  service_start
  IN_PRIVATE=1 unshare --mount --propagation private bash "$0" || exit 1
  service_keeps_clean

  task_network_up
  efs_setting region "$REGION"
  mount_efs "tls,netns=/proc/$TASK/ns/net" "$FS:/" /mnt/task
  load_start /mnt/task
  old="$(tunnels)"
  measure "another network namespace (netns=), tunnel killed" "$TUNNEL_ENDED" kill -KILL "$old"
  equal "the network of its successor" "$(readlink "/proc/$(tunnels)/ns/net")" "$(readlink "/proc/$TASK/ns/net")"
  load_stop
  unmount /mnt/task
  all_cleared
  kill "$TASK"
  exit 0
fi

mount_efs tls "$FS:/" /mnt/private
load_start /mnt/private
measure "private mount namespace, tunnel killed" "$TUNNEL_ENDED" kill_tunnel /mnt/private
measure "private mount namespace, tunnel and watchdog killed" "is enabled and started" kill_both
lock_held /mnt/private
load_stop
unmount /mnt/private
