#!/usr/bin/env bash
# Where there is no systemd, the first mount starts the watchdog, once, without keeping the caller's
# output open; a second mount finds it running. Contract: FLOW-5, EX-3, CSI-5.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

[[ -z "$(watchdogs)" ]] || fail "a watchdog runs before the first mount"
mkdir -p /mnt/efs
# The pipe to cat ends only when nobody holds it any more: a daemon that did would hang this.
# shellcheck disable=SC2016  # for the inner shell
text="$(timeout 60 bash -c 'mount -t efs -o tls "$1:/" /mnt/efs 2>&1 | cat' mount "$FS")" ||
  fail "mount, or somebody holds its output open"
equal "output of a good mount" "$text" ""
is_mounted /mnt/efs || fail "not mounted"
eventually 10 watchdog_runs || fail "no watchdog runs"
mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/web
equal "number of watchdogs" "$(watchdogs | wc -l)" 1
unmount /mnt/web
unmount /mnt/efs
all_cleared
