#!/usr/bin/env bash
# The own zone's mount target is gone, and no name is answered or all are refused: no other target can be found, so nothing
# is moved. Once the target is back I/O goes on at the address that was good, though names are still missing: TLS tells
# whether it is the right one.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

target_a() { fault target "$FS" "${REGION}a" "$@"; }
gone_for() {
  fault dns "$1"
  target_a refuse
  target_a reset
  sleep "$2"
  target_a ok
}

mount_efs tls "$FS:/" /mnt/efs
load_start /mnt/efs
PATIENCE=60 measure "own mount target gone for 20 s, no name server answers" "$TUNNEL_NOTICES" gone_for down 20
fault dns ok
PATIENCE=60 measure "own mount target gone for 20 s, name servers fail (SERVFAIL)" "$TUNNEL_NOTICES" gone_for servfail 20
fault dns ok
! grep -q '^connect_home' "$STATE/stunnel-config.$FS."* || fail "the mount was moved"
lock_held /mnt/efs
load_stop
unmount /mnt/efs
all_cleared
