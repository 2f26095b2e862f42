#!/usr/bin/env bash
# mount.efs is killed while the NFS client bears the name of its mount: the identifier that the administrator
# had chosen is there again without anybody's doing, for all other NFS mounts of the host, whether the
# watchdog runs at that moment or starts later. With client_identifier = classic the name is the mount's alone.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

# fnv TEXT: FNV-1a, 64 bits, as 16 digits.
fnv() {
  local text=$1 hash=$((0xcbf29ce484222325)) i code
  for ((i = 0; i < ${#text}; ++i)); do
    printf -v code %d "'${text:i:1}"
    hash=$(((hash ^ code) * 0x100000001b3))
  done
  printf '%016x' "$hash"
}
CLASSIC="efsmount-$(fnv "$FS"$'\n\n'/mnt/other)"
IDENTIFIER=/sys/fs/nfs/net/nfs_client/identifier
mount_efs tls "$FS:/" /mnt/efs
echo chosen-here >"$IDENTIFIER"

helpers() { grep -lsx mount.efs /proc/[0-9]*/comm | cut -d/ -f3; }
no_helper() { [[ -z "$(helpers)" ]]; }
# shellcheck disable=SC2053
identifier_is() { [[ "$(cat "$IDENTIFIER")" == $1 ]]; }  # a pattern
# killed_in_mount [PID]: kills the makers of a mount at /mnt/other while mount(2) waits for a silent server,
# and before them another process.
killed_in_mount() {
  mkdir -p /mnt/other
  # The step between pre-flight and mount(2): whoever holds this lock holds the mount there.
  exec 9>"$STATE/client-identifier.lock"
  flock 9
  setsid mount -t efs -o tls "$FS:/" /mnt/other >"$WORLD/said" 2>&1 </dev/null 9>&- &
  eventually 30 another_tunnel || fail "no tunnel: $(cat "$WORLD/said")"
  eventually 30 tunnel_says "Connection 1 .* ended" || fail "no pre-flight: $(cat "$WORLD/said")"
  fault target "$FS" "${REGION}a" blackhole
  exec 9>&-
  eventually 30 identifier_is 'efsmount-*' || fail "the name is not set: $(cat "$IDENTIFIER")"
  NAME="$(cat "$IDENTIFIER")"
  # shellcheck disable=SC2046  # words
  kill -KILL "$@" $(helpers)
  eventually 30 no_helper || fail "the helper does not end"
}
another_tunnel() { [[ "$(tunnels | wc -l)" -eq 2 ]]; }
tunnel_says() { grep -qs -- "$1" /var/log/amazon/efs/fs-*other*; }
efs_setting stunnel_debug_enabled true
efs_setting retry_nfs_mount_command_timeout_sec 100

note "with the watchdog"
killed_in_mount
[[ "$NAME" != "$CLASSIC" ]] || fail "the name $NAME has nothing of this host"
eventually 10 identifier_is chosen-here || fail "the identifier stays $(cat "$IDENTIFIER")"
fault target "$FS" "${REGION}a" ok
one_tunnel() { [[ "$(tunnels | wc -l)" -eq 1 ]]; }
eventually 60 one_tunnel || fail "the killed mount's tunnel stays"

note "the watchdog is killed as well, another one starts"
rm -f /var/log/amazon/efs/fs-*other*
efs_setting client_identifier classic
killed_in_mount "$(watchdogs)"
equal "the name by the mount alone" "$NAME" "$CLASSIC"
identifier_is 'efsmount-*' || fail "who put $(cat "$IDENTIFIER") there?"
amazon-efs-mount-watchdog >/dev/null 2>&1 </dev/null &
eventually 10 identifier_is chosen-here || fail "the identifier stays $(cat "$IDENTIFIER")"
fault target "$FS" "${REGION}a" ok
unmount /mnt/efs
# Not all_cleared: a watchdog that never saw the killed helper alive keeps its tunnel for ten minutes.
equal "the identifier" "$(cat "$IDENTIFIER")" chosen-here
