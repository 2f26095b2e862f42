#!/usr/bin/env bash
# A confined tunnel: no capabilities, a list of system calls, and a mount lives with it as with any other: killed,
# its successor is confined too, the connection is reset, the mount target moves, the certificate is read again,
# the watchdog finds what it needs. No system call of its own is refused. Contract: WD-6, TUN-4, TUN-9, TUN-10.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

process_status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
confined() {
  [[ "$(process_status "$1" CapEff)" == 0000000000000000 && "$(process_status "$1" Seccomp)" == 2 ]] ||
    fail "tunnel $1 is not confined: $(cat "/proc/$1/status")"
}
copied() {
  succeed cp "$WORLD/blob" "/mnt/efs/$1"
  succeed sync -f "/mnt/efs/$1"
  equal "checksum of $1 on the server" "$(checksum "$WORLD/data/$FS/$1")" "$(checksum "$WORLD/blob")"
}
certificate_read() { grep -q 'Client certificate read again' /var/log/amazon/efs/*.log; }

efs_setting confine on
efs_setting stunnel_debug_enabled true
mount_efs tls "$FS:/" /mnt/efs
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=4 status=none
first="$(tunnel_of /mnt/efs)"
confined "$first"
copied one
kill -HUP "$first"
eventually 20 certificate_read || fail "the certificate was not read again"
fault target "$FS" "${REGION}a" reset
copied two
fault target "$FS" "${REGION}a" move "$TARGET_SPARE"
fault target "$FS" "${REGION}a" reset
copied three
kill -KILL "$first"
eventually 20 tunnel_is_new /mnt/efs "$first" || fail "no new tunnel after 20 s"
confined "$(tunnel_of /mnt/efs)"
copied four
! grep -h 'was refused, as if' /var/log/amazon/efs/*.log || fail "a system call was refused"
unmount /mnt/efs
all_cleared
