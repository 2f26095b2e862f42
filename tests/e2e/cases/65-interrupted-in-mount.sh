#!/usr/bin/env bash
# A signal while the kernel's mount(2) waits for a server that fell silent behind the pre-flight: the
# mount ends, says so, and leaves nothing; the mount point is free and the next mount works.
# Contract: EX-1, FLOW-1, FLOW-2, 7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

LOCK=$STATE/client-identifier.lock
IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
mkdir -p /mnt/efs
efs_setting stunnel_debug_enabled true
efs_setting retry_nfs_mount_command_timeout_sec 100
# Now directory and key are there, and the kernel's client is loaded.
mount_efs tls "$FS:/" /mnt/efs
unmount /mnt/efs
all_cleared
identifier="$(cat "$IDENTIFIER")"

helpers() { grep -lsx mount.efs /proc/[0-9]*/comm | cut -d/ -f3; }
# The one that mount(8) started, not the child that it has for mount(2).
helper() { pgrep -P "$MOUNT" -x mount.efs; }
in_mount() {
  local child stat
  child="$(pgrep -P "$(helper)" -x mount.efs)" && stat="$(cat "/proc/$child/stat")" || return 1
  [[ "$stat" == *") D "* ]]
}
no_helper() { [[ -z "$(helpers)" ]]; }
tunnel_says() { grep -qs -- "$1" /var/log/amazon/efs/fs-*; }

# waiting_mount: starts a mount and returns when mount(2) waits for a silent server.
waiting_mount() {
  rm -f /var/log/amazon/efs/fs-*
  # The step between pre-flight and mount(2): whoever holds this lock holds the mount there.
  exec 9>"$LOCK"
  flock 9
  # A session and process group of its own.
  setsid mount -t efs -o tls "$FS:/" /mnt/efs >"$WORLD/said" 2>&1 </dev/null 9>&- &
  MOUNT=$!
  eventually 30 tunnel_says "Connection 1 .* ended" || fail "no pre-flight: $(cat "$WORLD/said")"
  fault target "$FS" "${REGION}a" blackhole
  exec 9>&-
  eventually 30 in_mount || fail "mount(2) does not wait: $(cat "$WORLD/said")"
}

# interrupted SIGNAL: what must hold after it.
interrupted() {
  local status=0
  eventually 3 no_helper || fail "SIG$1 does not end it: $(ps -o pid,stat,wchan:32,args -C mount.efs)"
  wait "$MOUNT" || status=$?
  OUTPUT="$(cat "$WORLD/said")"
  printf '%s\n' "$OUTPUT"
  equal "exit code" "$status" 32
  says "interrupted by signal $(kill -l "$1")"
  terse
  nothing_left 3
  ! is_mounted /mnt/efs || fail "something is mounted"
  equal "the identifier is put back" "$(cat "$IDENTIFIER")" "$identifier"
  fault target "$FS" "${REGION}a" ok
}

note "SIGTERM for the helper, at once"
waiting_mount
kill -TERM "$(helper)"
interrupted TERM

note "SIGINT for the whole group, as a terminal does it"
waiting_mount
kill -INT -- "-$MOUNT"
interrupted INT

note "SIGHUP when the tunnel has reported troubles of its own"
waiting_mount
eventually 30 tunnel_says "TLS handshake not done" || fail "the tunnel did not notice"
kill -HUP "$(helper)"
interrupted HUP

rmdir /mnt/efs || fail "the mount point is not free"
mount_efs tls "$FS:/" /mnt/efs
echo x >/mnt/efs/after
equal "on the server" "$(cat "$WORLD/data/$FS/after")" x
unmount /mnt/efs
all_cleared
