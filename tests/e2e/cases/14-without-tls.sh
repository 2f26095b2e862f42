#!/usr/bin/env bash
# A mount without tls goes through a tunnel too, in plain text: same source, no certificate, no --tls.
# Contract: MODE-3, ST-5, TUN-1, CSI-12.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs rw "$FS:/" /mnt/plain
equal "source" "$(mount_source /mnt/plain)" 127.0.0.1:/
tunnel="$(tunnel_of /mnt/plain)"
[[ -n "$tunnel" ]] || fail "no tunnel"
command="$(tr '\0' ' ' <"/proc/$tunnel/cmdline")"
[[ "$command" != *--tls* ]] || fail "--tls in the command line of a plain mount: $command"
[[ -z "$(find "$STATE" -name '*+')" ]] || fail "a plain mount has a certificate directory"
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=8 status=none
succeed cp "$WORLD/blob" /mnt/plain/plain-blob
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/plain-blob")" "$(checksum "$WORLD/blob")"
unmount /mnt/plain
all_cleared
