# shellcheck shell=bash
# Sourced by what sets a client up.

# client_config: the shipped configuration with short grace periods (the tests watch the clean-up) and
# the world's authority instead of Amazon's.
client_config() {
  mkdir -p /etc/amazon/efs /var/log/amazon/efs
  sed -e 's/^unmount_count_for_consistency *=.*/unmount_count_for_consistency = 1/' \
    -e 's/^unmount_grace_period_sec *=.*/unmount_grace_period_sec = 1/' \
    "$EFS_TREE/config/efs-utils.conf" >/etc/amazon/efs/efs-utils.conf
  cp "$EFS_TREE"/config/{s3files-utils,efsmount}.conf /etc/amazon/efs/
  cp "$WORLD/sim/ca.pem" /etc/amazon/efs/efs-utils.crt
  chmod 444 /etc/amazon/efs/efs-utils.crt
}
