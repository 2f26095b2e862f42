#!/usr/bin/env bash
# Who looks at the root of a mount (df, a monitor, our own watchdog after a new tunnel) holds it for that moment: an
# unmount waits for the end of the look and does not call the mount busy. Who stays is told as before. Contract: CLI-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

lookers=()
trap 'kill "${lookers[@]}" 2>/dev/null' EXIT
looks() { while :; do stat -f /mnt/efs; stat /mnt/efs/.; done >/dev/null 2>&1; }
for ((round = 1; round <= 6; round++)); do
  mount_efs tls "$FS:/" /mnt/efs
  for ((i = 0; i < 3; i++)); do
    looks &
    lookers+=($!)
  done
  succeed umount /mnt/efs
  kill "${lookers[@]}"
  wait "${lookers[@]}" 2>/dev/null
  lookers=()
done
mount_efs tls "$FS:/" /mnt/efs
exec 7</mnt/efs/.
refuse 32 umount /mnt/efs
says busy "used by"
exec 7<&-
unmount /mnt/efs
all_cleared
