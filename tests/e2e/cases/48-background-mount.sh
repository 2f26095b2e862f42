#!/usr/bin/env bash
# nfs(5) bg and retry=: a mount whose server is out of reach goes on in the background until it succeeds
# or its process is ended; with retry= alone it waits in the foreground. What is refused for good is not
# tried again.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

helpers() { grep -lsx mount.efs /proc/[0-9]*/comm | cut -d/ -f3; }
no_helper() { [[ -z "$(helpers)" ]]; }
mkdir -p /mnt/efs
# One try is enough here.
efs_setting retry_nfs_mount_command_count 1

fault target "$FS" "${REGION}a" refuse
succeed mount -t efs -o tls,bg "$FS:/" /mnt/efs
says "refused" "in the background for up to 10000 minutes"
! is_mounted /mnt/efs || fail "mounted, but nobody listens"
fault target "$FS" "${REGION}a" ok
eventually 60 is_mounted /mnt/efs || fail "not mounted in the background"
eventually 10 no_helper || fail "the helper stays"
echo x >/mnt/efs/background
equal "on the server" "$(cat "$WORLD/data/$FS/background")" x
unmount /mnt/efs
all_cleared

fault target "$FS" "${REGION}a" refuse
succeed mount -t efs -o tls,bg,retry=5 "$FS:/" /mnt/efs
says "for up to 5 minutes"
helper="$(helpers)"
[[ -n "$helper" ]] || fail "no helper goes on"
kill "$helper"
eventually 10 no_helper || fail "the helper cannot be cancelled"
nothing_left 5
fault target "$FS" "${REGION}a" ok
sleep 2
! is_mounted /mnt/efs || fail "cancelled, and yet mounted"

fault target "$FS" "${REGION}a" refuse
( sleep 4; simulator_control target "$FS" "${REGION}a" ok ) &
succeed mount -t efs -o tls,retry=2 "$FS:/" /mnt/efs
is_mounted /mnt/efs || fail "exit 0 and not mounted"
unmount /mnt/efs
all_cleared

refuse 1 mount -t efs -o tls,bg,retry=5 "$UNKNOWN_FS:/" /mnt/efs
nothing_left 0
