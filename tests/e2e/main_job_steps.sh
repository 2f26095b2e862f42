# shellcheck shell=bash
# The steps of main_job.sh that run inside a client. Sourced there.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mounts_all() {
  mount_efs tls "$FS:/" /mnt/efs
  mount_efs "tls,accesspoint=$AP_WEB" "$FS:/" /mnt/web
  mount_efs "tls,iam,accesspoint=$AP_SHARED" "$FS:/" /mnt/shared
}
shows_mounts() {
  mount -t nfs4
  df -h /mnt/efs /mnt/web /mnt/shared
}
me() { hostname; }
writes() {
  echo "from $(me)" >"/mnt/efs/$(me).txt" || fail "cannot write to the root"
  echo "page of $(me)" >"/mnt/web/$(me).html" || fail "cannot write to web-content"
  echo "data of $(me)" >"/mnt/shared/$(me).dat" || fail "cannot write to shared-data"
}
reads_from() {
  equal "root" "$(cat "/mnt/efs/$1.txt")" "from $1"
  equal "web-content" "$(cat "/mnt/web/$1.html")" "page of $1"
  equal "shared-data" "$(cat "/mnt/shared/$1.dat")" "data of $1"
  cat "/mnt/efs/$1.txt" "/mnt/web/$1.html" "/mnt/shared/$1.dat"
}
shows_identities() {
  stat -c '%-28n uid %u gid %g mode %a' /mnt/efs/one.txt /mnt/web /mnt/web/one.html /mnt/shared /mnt/shared/one.dat
  equal "web" "$(stat -c %u:%g:%a /mnt/web)" 1000:1000:755
  equal "a file in web" "$(stat -c %u:%g /mnt/web/one.html)" 1000:1000
  equal "shared" "$(stat -c %u:%g:%a /mnt/shared)" 1001:1001:750
  equal "a file in shared" "$(stat -c %u:%g /mnt/shared/one.dat)" 1001:1001
}
is_isolated() {
  [[ ! -e /mnt/web/one.txt && ! -e /mnt/web/shared-data && ! -e /mnt/shared/web-content ]] ||
    fail "an access point shows more than its directory"
  [[ -d /mnt/efs/web-content && -d /mnt/efs/shared-data ]] || fail "the root lacks the access points' directories"
  # Without an access point the kernel's user ids count: a stranger may enter 755 but not 750.
  local stranger=(setpriv --reuid 1002 --regid 1002 --clear-groups)
  succeed "${stranger[@]}" cat /mnt/efs/web-content/one.html
  refuse 2 "${stranger[@]}" ls /mnt/efs/shared-data
  says "Permission denied"
  [[ "$(hostname)" == one && ! -e /run/efs/"$FS.mnt.efs.0" ]] || fail "the clients are not separate"
}

readonly COPY=/mnt/efs/copy
copy_begins() {
  dd if=/dev/urandom of="$WORLD/original" bs=1M count=48 status=none
  checksum "$WORLD/original" >"$WORLD/original.sum"
  rm -f "$COPY"
}
# Written in pieces and with sync, so that it is still under way when the tunnel is killed.
copies() {
  local piece
  for ((piece = 0; piece < $1; piece += 8)); do
    dd if="$WORLD/original" of="$COPY" bs=1M skip="$piece" seek="$piece" count=8 conv=notrunc,fsync \
      status=none || fail "writing MiB $piece"
    echo "    $((piece + 8)) of $1 MiB" >&3
  done
}
copied_mib() { echo $(($(stat -c %s "$WORLD/data/$FS/copy" 2>/dev/null || echo 0) / 1048576)); }
has_copied() { [[ $(copied_mib) -ge $1 ]]; }
# Only the kill is ours: that a new tunnel comes is the watchdog's work.
kill_tunnel_during_copy() {
  local old
  eventually 60 has_copied "$1" || fail "the copy did not reach $1 MiB"
  old="$(tunnel_of /mnt/efs)"
  kill -KILL "$old" || fail "there is no tunnel to kill"
  echo "    killed tunnel $old at $(copied_mib) MiB" >&3
  eventually 30 tunnel_is_new /mnt/efs "$old" || fail "the watchdog did not replace the tunnel in 30 s"
  echo "    the watchdog started tunnel $(tunnel_of /mnt/efs)" >&3
}
copy_is_right() {
  echo 3 >/proc/sys/vm/drop_caches
  equal "checksum" "$(checksum "$COPY")" "$(cat "$WORLD/original.sum")"
  echo "checksum $(cat "$WORLD/original.sum")"
}
unmounts_all() {
  local directory
  for directory in /mnt/shared /mnt/web /mnt/efs; do unmount "$directory"; done
}
