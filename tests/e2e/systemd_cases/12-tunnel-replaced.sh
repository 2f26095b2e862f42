#!/usr/bin/env bash
# A killed tunnel is replaced by the service while a program writes; the bytes are right.
# Contract: WD-6, TUN-6, TUN-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

tunnel="$(tunnel_of /mnt/efs)"
[[ -n "$tunnel" ]] || fail "no tunnel"
dd if=/dev/urandom of=/run/blob bs=1M count=32 status=none
( cp /run/blob /mnt/efs/blob && sync -f /mnt/efs/blob ) &
copy=$!
sleep 0.3
kill -KILL "$tunnel"
eventually 30 tunnel_is_new /mnt/efs "$tunnel" || fail "no new tunnel after 30 s"
wait "$copy" || fail "the copy ended with an error"
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/web-content/blob")" "$(checksum /run/blob)"
