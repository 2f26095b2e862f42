#!/usr/bin/env bash
# Remounting read-only and back keeps the tunnel and the port. Contract: OPT-4.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
succeed mount -o remount,ro /mnt/efs
has_word "$(mount_flags /mnt/efs)" ro || fail "flags: $(mount_flags /mnt/efs)"
refuse 1 touch /mnt/efs/remounted
succeed mount -o remount,rw /mnt/efs
succeed touch /mnt/efs/remounted
equal "tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
equal "number of tunnels" "$(tunnels | wc -l)" 1
unmount /mnt/efs
all_cleared
