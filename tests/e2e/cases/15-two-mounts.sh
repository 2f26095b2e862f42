#!/usr/bin/env bash
# Two mounts of one file system are two tunnels; the end of one does not disturb the other.
# Contract: NFS-9, ST-1, WD-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/web
mount_efs "tls,accesspoint=$AP_SHARED" "$FS:/" /mnt/shared
[[ "$(mount_port /mnt/web)" != "$(mount_port /mnt/shared)" ]] || fail "both use port $(mount_port /mnt/web)"
first="$(tunnel_of /mnt/web)"
second="$(tunnel_of /mnt/shared)"
[[ -n "$first" && -n "$second" && "$first" != "$second" ]] || fail "tunnels: '$first' and '$second'"
echo one >/mnt/web/file
echo two >/mnt/shared/file
unmount /mnt/web
eventually 20 has_ended "$first" || fail "the tunnel of the unmounted one stays"
kill -0 "$second" || fail "the other tunnel died with it"
equal "the other still serves" "$(cat /mnt/shared/file)" two
unmount /mnt/shared
all_cleared
