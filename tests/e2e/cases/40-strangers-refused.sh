#!/usr/bin/env bash
# Only the kernel may use a tunnel: a program of another user that connects to its port is shown the door
# before a byte goes upstream; the mount is not disturbed. Contract: 25.19, NFS-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
port="$(mount_port /mnt/efs)"
upstream() { ss -Htn state established dst "$TARGET_A:2049" | wc -l; }
before="$(upstream)"
# Ends with 1 at end-of-file, above 128 when nothing came in time.
cat >/run/stranger.sh <<'SCRIPT'
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf '\200\0\0\050' >&3
IFS= read -r -t 20 -N 1 <&3
SCRIPT
refuse 1 setpriv --reuid 1000 --regid 1000 --clear-groups bash /run/stranger.sh "$port"
equal "connections to the mount target" "$(upstream)" "$before"
echo x >/mnt/efs/undisturbed || fail "the mount suffers"
unmount /mnt/efs
all_cleared
