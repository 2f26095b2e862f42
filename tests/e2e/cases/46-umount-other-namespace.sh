#!/usr/bin/env bash
# umount -N: in a container's namespace nothing of ours runs but the system calls of the unmount. Its tree
# brings a watchdog of its own here, which the host's root must not start (issue 11, A7), and its /proc knows
# nothing of the host's processes.
# Contract: CLI-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

in_a_container() {
  # shellcheck disable=SC2016  # for the shell inside
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    mount -t proc none /proc
    for program in "$@"; do mount --bind "$WORLD/container-watchdog" "$program"; done
    touch "$WORLD/container-ready"; sleep 600' bash "$@" &
  container=$!
  eventually 20 test -e "$WORLD/container-ready" || fail "no container"
  inside="$(pgrep -P "$container")"
}

printf '#!/bin/bash\ntouch "%s/container-program-ran"\n' "$WORLD" >"$WORLD/container-watchdog"
chmod 755 "$WORLD/container-watchdog"
mapfile -t programs < <(type -ap amazon-efs-mount-watchdog)
mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
in_a_container "${programs[@]}"
unmount /mnt/efs
refuse 32 umount.efs -N "$$" /mnt/efs
says "not mounted"
for pid in $(watchdogs) "$tunnel"; do
  kill -KILL "$pid"
  eventually 5 has_ended "$pid" || fail "process $pid does not end"
done
succeed umount.efs -v -N "$inside" /mnt/efs
says "starting one" "unmounted"
[[ ! -e "$WORLD/container-program-ran" ]] || fail "a program of the container ran"
! grep -q ' /mnt/efs ' "/proc/$inside/mountinfo" || fail "still mounted there"
kill "$container"
all_cleared
