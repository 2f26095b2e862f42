#!/usr/bin/env bash
# Two hosts have one host name (cloned images, containers) and mount one file system at the same place. To
# the server they are two clients: a lock that one holds is refused to the other, and neither takes the
# other's session away. Each kernel has its former identifier again.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/faults.sh
. "$E2E/faults.sh"

IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
# exchanges: how often this host had to present itself to the server of the mount at /mnt/efs.
# shellcheck disable=SC2016  # awk's
EXCHANGES='$5 == "/mnt/efs" {here = 1} /^device/ && $5 != "/mnt/efs" {here = 0} here && $1 == "EXCHANGE_ID:" {print $2}'
exchanges() { "$@" awk "$EXCHANGES" /proc/self/mountstats; }
here() { "$@"; }

equal_names() { equal "host names" "$(on_twin hostname)" "$(hostname)"; }

# two_clients OPTION NAME: with a twin that is up.
two_clients() {
  local first began before
  before="$(cat "$IDENTIFIER")"
  mount_efs "$1" "$FS:/" /mnt/efs
  load_start /mnt/efs buffered locked
  twin_mounts() { on_twin timeout $((60 * SCALE)) mount -t efs -o "$1" "$FS:/" /mnt/efs || fail "the other host cannot mount"; }
  measure "two clients with one name$2" "" twin_mounts "$1"
  on_twin io-witness try-lock /mnt/efs/io-locked || fail "the other host gets the lock as well ($?)"
  ! on_twin io-witness try-lock /mnt/efs/io-buffered || fail "the test of the lock proves nothing"
  first="$(exchanges here) $(exchanges on_twin)"
  began="$(now)"
  eventually 60 load_moves_after "$((began + 5000))" || fail "I/O does not go on"
  on_twin io-witness try-lock /mnt/efs/io-locked || fail "the other host gets the lock later ($?)"
  equal "EXCHANGE_IDs of both" "$(exchanges here) $(exchanges on_twin)" "$first"
  load_stop
  equal "the identifier of this host" "$(cat "$IDENTIFIER")" "${before/(null)/$(hostname)}"
}

# Without a tunnel, where nobody ever chose a name, nothing but our choice tells the two apart.
modprobe -q nfsv4 || true
twin_up
equal_names
equal "the identifier of this host" "$(cat "$IDENTIFIER")" "(null)"
two_clients notunnel ", without a tunnel"
on_twin umount /mnt/efs || fail "the other host cannot unmount"
twin_down
unmount /mnt/efs
nothing_left 20 # no watchdog runs, and the init of this world is none for which the log writer would leave at once

twin_up
echo chosen-by-the-twin | on_twin tee "$IDENTIFIER" >/dev/null
two_clients tls ""
equal "the identifier of the other" "$(on_twin cat "$IDENTIFIER")" chosen-by-the-twin
on_twin umount /mnt/efs || fail "the other host cannot unmount"
twin_down
unmount /mnt/efs
all_cleared
