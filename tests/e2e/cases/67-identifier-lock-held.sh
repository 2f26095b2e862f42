#!/usr/bin/env bash
# Somebody keeps the lock of the client identifier for good, as a mount in the kernel would whose server went
# silent: a mount gives up when its own time (retry=) is over and says what it waited for; with bg it lets the
# boot go on and succeeds when the lock is free.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

efs_setting retry_nfs_mount_command_count 1
mkdir -p /mnt/efs "$STATE"
exec 9>"$STATE/client-identifier.lock"
flock 9
began=$SECONDS
refuse 32 mount -t efs -o tls,retry=0 "$FS:/" /mnt/efs 9>&-
[[ $((SECONDS - began)) -lt $((30 * SCALE)) ]] || fail "it took $((SECONDS - began)) s"
says "waiting 15 s for other mounts of this host"
terse
nothing_left 5

began=$SECONDS
succeed mount -t efs -o tls,bg,retry=5 "$FS:/" /mnt/efs 9>&-
[[ $((SECONDS - began)) -lt $((30 * SCALE)) ]] || fail "bg took $((SECONDS - began)) s"
exec 9>&-
eventually 60 is_mounted /mnt/efs || fail "not mounted in the background: $(tail -n 5 /var/log/amazon/efs/mount.log)"
unmount /mnt/efs
all_cleared
