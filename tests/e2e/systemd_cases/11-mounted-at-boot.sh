#!/usr/bin/env bash
# A line in /etc/fstab is mounted at boot, after the network and before remote-fs.target; a line with
# nofail that cannot be mounted does not hold the boot up and leaves a reason in the journal.
# Contract: CLI-1, CLI-8, OPT-4, FLOW-4.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

is_mounted /mnt/efs || fail "not mounted at boot: $(systemctl status --no-pager -l mnt-efs.mount)"
equal "state of the unit" "$(systemctl is-active mnt-efs.mount)" active
equal "remote-fs.target" "$(systemctl is-active remote-fs.target)" active
after="$(systemctl show --value -p After mnt-efs.mount)"
[[ " $after " == *" network-online.target "* && " $after " == *" remote-fs-pre.target "* ]] || fail "After=$after"
echo "from boot 1" >/mnt/efs/boot || fail "cannot write"
equal "owner by the access point" "$(stat -c %u /mnt/efs/boot)" 1000
equal "place on the server" "$(cat "$WORLD/data/$FS/web-content/boot")" "from boot 1"
watchdog="$(systemctl show --value -p MainPID amazon-efs-mount-watchdog)"
equal "watchdogs" "$(watchdogs)" "$watchdog"

! is_mounted /mnt/none || fail "an unknown file system is mounted"
OUTPUT="$(journalctl -b --no-pager -u mnt-none.mount)"
says "Failed to resolve" "$UNKNOWN_FS"
