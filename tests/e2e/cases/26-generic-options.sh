#!/usr/bin/env bash
# Options of mount(8) and fstab reach the kernel as flags, or nobody at all; options of nfs(5) reach
# the NFS client. Contract: OPT-4, CLI-8.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs "tls,noexec,nosuid,nodev,noatime,_netdev,nofail,noauto,user,x-systemd.automount,x-systemd.requires=foo.service,comment=x" \
  "$FS:/" /mnt/efs
flags="$(mount_flags /mnt/efs)"
for flag in noexec nosuid nodev noatime; do
  has_word "$flags" "$flag" || fail "$flag is missing in $flags"
done
printf '#!/bin/bash\nexit 0\n' >/mnt/efs/program
chmod 755 /mnt/efs/program
refuse 126 /mnt/efs/program
unmount /mnt/efs
all_cleared

mount_efs "tls,sync,soft,timeo=100,retrans=3,nconnect=2,rsize=65536" "$FS:/" /mnt/efs
options="$(nfs_options /mnt/efs)"
for word in sync soft timeo=100 retrans=3 rsize=65536; do
  has_word "$options" "$word" || fail "$word is missing in $options"
done
echo x >/mnt/efs/options
unmount /mnt/efs
all_cleared
