#!/usr/bin/env bash
# A mount of a silent server lies in the secret directory of a mount that goes: the clean-up neither enters
# it nor waits for it, says what is in the way, and ends when that is gone; other mounts go on.
# Contract: WD-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

log=/var/log/amazon/efs/mount-watchdog.log
mount_efs tls "$FS:/" /mnt/efs
mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/web
mount_efs "tls,accesspoint=$AP_SHARED" "$FS:/" /mnt/home
eventually 10 watchdog_runs || fail "no watchdog runs"
echo precious >/mnt/web/precious
port="$(mount_port /mnt/efs)"
inside="$(find "$STATE" -maxdepth 1 -name "fs-*.$port+")/mount"
mkdir "$inside"
mount --bind /mnt/web "$inside"
silent="$(tunnel_of /mnt/web)"
kill -STOP "$silent"
umount -i /mnt/efs || fail "umount"
eventually 20 grep -q "is mounted there" "$log" || fail "nothing is said of the mount that is in the way"
grep -q "umount .*$port+/mount)" "$log" || fail "the way out is not named"
# In state D for a moment is who writes a file.
daemon="$(watchdogs)"
moves() { [[ "$(ps -o stat= -p "$daemon")" != D* ]]; }
eventually 2 moves || fail "the watchdog waits for the server: $(cat "/proc/$daemon/stack")"
before="$(tunnel_of /mnt/home)"
kill -KILL "$before"
eventually 5 tunnel_is_new /mnt/home "$before" || fail "another mount's tunnel is not replaced"
kill -CONT "$silent" 2>/dev/null
equal "file" "$(timeout $((30 * SCALE)) cat /mnt/web/precious)" precious
umount "$inside" || fail "umount of $inside"
cleared() { [[ -z "$(find "$STATE" -name "*.$port*")" ]]; }
eventually 10 cleared || fail "not cleaned up: $(find "$STATE" -name "*.$port*")"
equal "file" "$(cat /mnt/web/precious)" precious
unmount /mnt/home
unmount /mnt/web
all_cleared
