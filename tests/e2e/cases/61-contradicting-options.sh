#!/usr/bin/env bash
# Options that contradict each other are refused before anything is touched; one that the kernel does not
# know is named, with what was probably meant. Contract: 5, OPT-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/efs
refuse 1 mount -t efs -o tls,port=2049 "$FS:/" /mnt/efs
says "port" "tls" "mutually exclusive"
refuse 1 mount -t efs -o iam "$FS:/" /mnt/efs
says "tls" "required" "iam"
refuse 1 mount -t efs -o "accesspoint=$AP_WEB" "$FS:/" /mnt/efs
says "tls" "required" "accesspoint"
refuse 1 mount -t efs -o tls,capath=/etc "$FS:/" /mnt/efs
says "Unsupported mount options detected" '"capath"'
refuse 32 mount -t efs -o tls "$FS:/" /mnt/efs-does-not-exist
says "/mnt/efs-does-not-exist"
nothing_left 0

refuse 32 mount -t efs -o "tls,accespoint=$AP_WEB" "$FS:/" /mnt/efs
says "an incorrect mount option was specified" '"accespoint"' 'did you mean "accesspoint"?'
terse
nothing_left 3
