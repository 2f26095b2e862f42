#!/usr/bin/env bash
# No DNS server answers: the message says so and where to look, exit 1, nothing is left.
# Contract: DNS-7, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

# An address of the VPC where nobody lives.
printf 'nameserver 10.77.0.99\noptions timeout:1 attempts:1\n' >/etc/resolv.conf
mkdir -p /mnt/efs
refuse 1 mount -t efs -o tls "$FS:/" /mnt/efs
says "Failed to resolve" "$DNS_NAME" "no DNS server answered" "resolv.conf"
terse
nothing_left 0
