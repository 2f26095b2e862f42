#!/usr/bin/env bash
# Mount points of every shape: by a link, relative, with blanks and a newline, in a shared and a slave subtree,
# below a chroot; by both ways to make a mount: the flags and utab are the same.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

lines_at() { grep -F " $1 " /proc/self/mountinfo | grep -c ' - nfs4 '; }
for api in auto classic; do
  efs_setting mount_api "$api"
  note "$api: blanks, relative, a link, .., a slash at the end"
  mkdir -p "/mnt/a b" /mnt/dir
  ln -sfn "/mnt/a b" /mnt/link
  (cd "/mnt/a b" && succeed mount.efs "$FS:/" ../dir/../link/ -o tls,ro,nosuid,user) || exit 1
  equal "mounts" "$(lines_at '/mnt/a\040b')" 1
  has_word "$(mount_flags '/mnt/a b')" ro || fail "not ro: $(mount_line '/mnt/a b')"
  has_word "$(mount_flags '/mnt/a b')" noexec || fail "user implies noexec: $(mount_line '/mnt/a b')"
  grep -q 'TARGET=/mnt/a\\040b .*user' /run/mount/utab || fail "utab: $(cat /run/mount/utab)"
  unmount "/mnt/a b"
  all_cleared

  note "$api: in a shared subtree with a slave"
  mkdir -p /mnt/shared
  mount -t tmpfs shared /mnt/shared
  mount --make-shared /mnt/shared
  mkdir -p /mnt/shared/x
  unshare --mount --propagation slave sleep 300 &
  slave=$!
  in_slave() { nsenter -t "$slave" -m grep -F " /mnt/shared/x " /proc/self/mountinfo | grep -c ' - nfs4 '; }
  sees_shared() { [[ "$(readlink "/proc/$slave/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]]; }
  eventually 5 sees_shared || fail "no namespace"
  mount_efs tls "$FS:/" /mnt/shared/x
  equal "in the slave" "$(in_slave)" 1
  unmount /mnt/shared/x
  equal "in the slave" "$(in_slave)" 0
  kill "$slave"
  wait "$slave" 2>/dev/null
  umount /mnt/shared
  all_cleared

  note "$api: the place is missing, a file, busy with another kind of mount"
  refuse 32 mount.efs "$FS:/" /mnt/none -o tls
  says "mkdir -p"
  : >/mnt/file
  refuse 32 mount.efs "$FS:/" /mnt/file -o tls
  says "not a directory"
  mount -t tmpfs below /mnt/dir
  mount_efs tls "$FS:/" /mnt/dir
  unmount /mnt/dir
  equal "what was there" "$(mount_source /mnt/dir)" below
  umount /mnt/dir
  nothing_left 20
done
