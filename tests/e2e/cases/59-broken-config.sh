#!/usr/bin/env bash
# A configuration that cannot be read or understood: file and line, exit 1, no traceback. Contract: CLI-10.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
config=/etc/amazon/efs/efs-utils.conf
cp "$config" /run/saved.conf
printf '[mount\nthis is no key\n' >>"$config"
refuse 1 mount -t efs -o tls "$FS:/" /mnt/efs
says "$config"
terse
nothing_left 0

cp /run/saved.conf "$config"
efs_setting port_range_lower_bound many
refuse 1 mount -t efs -o tls "$FS:/" /mnt/efs
says "port_range_lower_bound" "many"
terse
nothing_left 0
