#!/usr/bin/env bash
# The same mount twice: said on stdout, exit 0, the first one is not touched. Contract: FLOW-3.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
tunnel="$(tunnel_of /mnt/efs)"
succeed mount.efs "$FS:/" /mnt/efs -o tls
says "is already mounted, please run 'mount' command to verify"
equal "number of mounts" "$(our_mounts | wc -l)" 1
equal "number of tunnels" "$(tunnels | wc -l)" 1
equal "tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
unmount /mnt/efs
all_cleared
