#!/usr/bin/env bash
# An access point is a root and an identity: its directory is the root of the mount, whoever writes
# there becomes its user, and the rest of the file system cannot be reached.
# Contract: 3.2 accesspoint, CERT-2.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/web
equal "mode of its root" "$(stat -c %a /mnt/web)" 755
echo page >/mnt/web/index.html
equal "owner of a file that root wrote" "$(stat -c %u:%g /mnt/web/index.html)" 1000:1000
equal "place on the server" "$(cat "$WORLD/data/$FS/web-content/index.html")" page
[[ ! -e /mnt/web/web-content && ! -e /mnt/web/../web/shared-data ]] || fail "the whole file system is visible"
equal "root of the export" "$(stat -c %u /mnt/web)" 1000
unmount /mnt/web
all_cleared
