#!/usr/bin/env bash
# A mount is seen by nobody before it is checked; what the kernel says of a bad option reaches the user; both
# ways to make a mount write utab. Contract: NFS-2 (port), NFS-6, FLOW-1.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

# watched DIRECTORY COMMAND...: SEEN is how often an NFS mount was at the directory meanwhile.
watched() {
  local where=$1 watcher
  shift
  (while :; do
    while read -r line; do
      if [[ "$line" == *" $where "*" - nfs4 "* ]]; then echo seen; fi
    done </proc/self/mountinfo
  done) >"$WORLD/seen" &
  watcher=$!
  "$@"
  kill "$watcher"
  wait "$watcher" 2>/dev/null
  SEEN="$(wc -l <"$WORLD/seen")"
}

mkdir -p /mnt/first /mnt/second
note "a bad option, in the kernel's words"
refuse 32 mount.efs "$FS:/" /mnt/first -o tls,bogus=1
says "incorrect mount option" "Unknown parameter 'bogus'"
terse
nothing_left 3

for api in auto classic; do
  note "$api"
  efs_setting mount_api "$api"
  mount_efs tls,nosuid,noexec,noatime,ro "$FS:/" /mnt/first
  for flag in nosuid noexec noatime ro; do has_word "$(mount_flags /mnt/first)" "$flag" || fail "no $flag: $(mount_line /mnt/first)"; done
  grep -q 'TARGET=/mnt/first .*OPTS=.*helper=efs' /run/mount/utab || fail "utab: $(cat /run/mount/utab)"
  unmount /mnt/first
  all_cleared
done

note "merged with another mount: $api shows it for a moment"
mount -o remount,ro /sys
mount_efs tls "$FS:/" /mnt/first
efs_setting retry_nfs_mount_command_count 1
watched /mnt/second refuse 32 mount -t efs -o tls "$FS:/" /mnt/second
says "merged" "trunking"
[[ $SEEN -gt 0 ]] || fail "the watching proves nothing"
note "auto never does"
efs_setting mount_api auto
watched /mnt/second refuse 32 mount -t efs -o tls "$FS:/" /mnt/second
says "merged" "trunking"
equal "seen before it was checked" "$SEEN" 0
equal "tunnels" "$(tunnels | wc -l)" 1
echo x >/mnt/first/still || fail "the first mount suffered"
mount -o remount,rw /sys
unmount /mnt/first
all_cleared

note "a path too long for fsconfig(2)"
long="$(printf 'd%.0s' {1..200})"
mkdir -p "$WORLD/data/$FS/$long/$long"
mount_efs tls "$FS:/$long/$long" /mnt/first
unmount /mnt/first
all_cleared
