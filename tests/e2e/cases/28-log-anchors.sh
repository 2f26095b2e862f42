#!/usr/bin/env bash
# The words that people and tools search for in mount.log stand there. Contract: section 19, NFS-7, EX-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

LOG=/var/log/amazon/efs/mount.log
logged() {
  local words
  for words in "$@"; do grep -qF -- "$words" "$LOG" || fail "mount.log does not say: $words"; done
}
# Line form: local time, zone, level.
well_formed() { ! grep -vqE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [A-Z+0-9-]+ - [A-Z]+ - ' "$LOG"; }

succeed mount.efs "$FS:/" /mnt -o tls -f
logged "Fake mount mode enabled"

mount_efs tls "$FS:/" /mnt/efs
logged "version=" "options=rw,tls" "binding " 'Starting efs-proxy: "' "Started efs-proxy, pid:" \
  "Executing: \"/sbin/mount.nfs4 127.0.0.1:/ /mnt/efs -o " "sec time limit" \
  "Successfully mounted ${REGION}a.$DNS_NAME at /mnt/efs"
succeed mount.efs "$FS:/" /mnt/efs -o tls
logged "/mnt/efs is already mounted, mount aborted"

mkdir -p /mnt/other
refuse 1 mount -t efs -o "tls,tlsport=$(mount_port /mnt/efs)" "$FS:/" /mnt/other
logged "Specified port [$(mount_port /mnt/efs)]"
refuse 1 mount -t efs -o tls "$UNKNOWN_FS:/" /mnt/other
logged 'Failed to resolve "'
fault target "$FS" "${REGION}a" refuse
efs_setting retry_nfs_mount_command_count 2
refuse 32 mount -t efs -o tls "$FS:/" /mnt/other
says "Mount attempt 1/2 failed due to"
logged "mount attempt 1/2" "Failed to mount ${REGION}a.$DNS_NAME at /mnt/other" "returncode=32"
well_formed || fail "a line of mount.log has another form: $(grep -vE '^[0-9]{4}-' "$LOG" | head -1)"
unmount /mnt/efs
all_cleared
