#!/usr/bin/env bash
# A blank in the mount point (\040 in /proc/mounts) confuses nobody: the tunnel of a live mount stays,
# and goes after the unmount. Contract: 25.1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" "/mnt/my files"
tunnel="$(tunnel_of "/mnt/my files")"
echo x >"/mnt/my files/a file"
# Longer than the watchdog needs to give a mount up (WD-5 with the settings of client_init.sh).
sleep 4
kill -0 "$tunnel" || fail "the watchdog took the tunnel of a live mount away"
equal "still serves" "$(cat "/mnt/my files/a file")" x
unmount "/mnt/my files"
all_cleared
