#!/usr/bin/env bash
# The same mount twice: said on stdout, exit 0, the first one is not touched; also while its server is
# silent, and with the truth about it where it is another file system's. Contract: FLOW-3.
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

note "of another file system"
succeed mount.efs "$FS_SEPARATE:/" /mnt/efs -o tls
says "is already mounted, please run 'mount' command to verify" "shows another file system"
note "of another directory, with another path to it"
ln -s /mnt/efs /mnt/link
succeed mount.efs "$FS:/shared-data" /mnt/link -o tls
says "is already mounted, please run 'mount' command to verify" "shows another file system"
note "the same, by the link"
succeed mount.efs "$FS:/" /mnt/link -o tls
says "is already mounted, please run 'mount' command to verify"
! grep -q "another file system" <<<"$OUTPUT" || fail "it is the same one"

note "its server is silent"
fault target "$FS" "${REGION}a" blackhole
began=$SECONDS
succeed mount.efs "$FS:/" /mnt/efs -o tls
says "is already mounted, please run 'mount' command to verify"
[[ $((SECONDS - began)) -lt $((5 * SCALE)) ]] || fail "it took $((SECONDS - began)) s"
fault target "$FS" "${REGION}a" ok
equal "number of mounts" "$(our_mounts | wc -l)" 1
unmount /mnt/efs
all_cleared
