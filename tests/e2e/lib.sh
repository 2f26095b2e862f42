# shellcheck shell=bash
# shellcheck disable=SC2034  # OUTPUT and STATE are for the cases
# What a case may use. A case runs in client one (see world.sh) as root; it judges by what the kernel
# says (mountinfo, sockets, processes), never by what a program of ours prints - except where the
# message itself is the promise. The first broken promise ends the case.

set -uo pipefail
# shellcheck source=tests/e2e/facts.sh
. "$E2E/facts.sh"
# shellcheck source=tests/e2e/simulator.sh
. "$E2E/simulator.sh"
STATE=/var/run/efs
OUTPUT=""
SCALE=${EFS_TIME_SCALE:-1}

fail() {
  printf 'FAILED: %s\n' "$*"
  exit 1
}
skip() {
  printf 'SKIPPED: %s\n' "$*"
  exit 77
}
note() { printf -- '- %s\n' "$*"; }

# succeed COMMAND...: must end with 0. Its output is in $OUTPUT.
succeed() {
  local status=0
  note "$*"
  OUTPUT="$(timeout $((60 * SCALE)) "$@" 2>&1 </dev/null)" || status=$?
  [[ -z "$OUTPUT" ]] || printf '%s\n' "$OUTPUT"
  [[ $status -eq 0 ]] || fail "ended with $status: $*"
}

# refuse CODE COMMAND...: must end with CODE.
refuse() {
  local wanted=$1 status=0
  shift
  note "$*"
  OUTPUT="$(timeout $((90 * SCALE)) "$@" 2>&1 </dev/null)" || status=$?
  printf '%s\n' "$OUTPUT"
  [[ $status -eq $wanted ]] || fail "ended with $status instead of $wanted: $*"
}

# says WORDS...: each must appear in the last output (anywhere, any case).
says() {
  local word
  for word in "$@"; do
    grep -qiF -- "$word" <<<"$OUTPUT" || fail "the message does not say \"$word\": $OUTPUT"
  done
}
# terse: the last output is for people: few lines, no secret (EX-2).
terse() {
  [[ $(wc -l <<<"$OUTPUT") -le 8 ]] || fail "the message has too many lines"
  ! grep -qE 'aws_secret|BEGIN [A-Z ]*PRIVATE KEY' <<<"$OUTPUT" || fail "the message shows a secret"
}

# eventually SECONDS COMMAND...: must become true in time.
eventually() {
  local limit=$1 started=$SECONDS
  shift
  until "$@"; do
    [[ $((SECONDS - started)) -lt $((limit * SCALE)) ]] || return 1
    sleep 0.1
  done
}
equal() { [[ "$2" == "$3" ]] || fail "$1: expected \"$3\", found \"$2\""; }

# mount_efs OPTIONS DEVICE DIRECTORY: the way people do it, through mount(8).
mount_efs() {
  mkdir -p "$3"
  succeed mount -t efs -o "$1" "$2" "$3"
  is_mounted "$3" || fail "mount(8) ended with 0 but the kernel has no NFS mount at $3"
}
unmount() { succeed umount "$@"; }

# The kernel's line about a mount point, as: MOUNT-OPTIONS TYPE SOURCE SUPER-OPTIONS ROOT DEVICE.
mount_line() {
  local device root where options rest type source super
  while read -r _ _ device root where options rest; do
    printf -v where '%b' "$where"
    [[ "$where" == "$1" ]] || continue
    read -r type source super <<<"${rest#*- }"
    printf '%s %s %s %s %s %s\n' "$options" "$type" "$source" "$super" "$root" "$device"
  done </proc/self/mountinfo | tail -1
}
is_mounted() { [[ "$(mount_line "$1" | cut -d' ' -f2)" == nfs4 ]]; }
mount_flags() { mount_line "$1" | cut -d' ' -f1; }
mount_source() { mount_line "$1" | cut -d' ' -f3; }
nfs_options() { mount_line "$1" | cut -d' ' -f4; }
has_word() { [[ ",$1," == *",$2,"* ]]; }
mount_port() { nfs_options "$1" | tr , '\n' | sed -n 's/^port=//p'; }

# programs NAME: process ids of the living with that name (a pattern). Not their children, which ask for them what may
# never answer; nor zombies.
programs() {
  local pid parent
  # The worlds have no /dev/fd, as <(...) needs it.
  # shellcheck disable=SC2013
  for pid in $(grep -lsx "$1" /proc/[0-9]*/comm | cut -d/ -f3); do
    parent="$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)"
    [[ -z "$parent" ]] || grep -qs '^State:[[:space:]]*[ZX]' "/proc/$pid/status" ||
      grep -qsx "$1" "/proc/$parent/comm" || echo "$pid"
  done
}
tunnels() { programs efs-proxy; } # of this client
watchdogs() { programs 'amazon-efs-moun.*'; }
watchdog_runs() { [[ -n "$(watchdogs)" ]]; }
has_ended() { ! kill -0 "$1" 2>/dev/null; }
# tunnel_of DIRECTORY: the process that listens on the mount's port.
tunnel_of() {
  ss -Hltnp "sport = :$(mount_port "$1")" | grep -o 'efs-proxy",pid=[0-9]*' | grep -o '[0-9]*$' | head -1
}
tunnel_is_new() {
  local now
  now="$(tunnel_of "$1")"
  [[ -n "$now" && "$now" != "$2" ]]
}
state_files() { find "$STATE" -mindepth 1 -maxdepth 1 \( -name 'fs-*' -o -name '~fs-*' -o -name 'stunnel-config.*' \) 2>/dev/null; }
our_ports() { ss -Hltn 'sport >= :20049 and sport < :21049'; }
our_mounts() { grep -E ' - nfs4? ' /proc/self/mountinfo; }

is_clean() { [[ -z "$(our_mounts)$(tunnels)$(state_files)$(our_ports)" ]]; }
# nothing_left SECONDS: within that time no mount, tunnel, state file or port is left. After a failed
# mount that must be so at once, give or take the end of a process.
nothing_left() {
  eventually "$1" is_clean && return
  fail "left behind: mounts [$(our_mounts)] tunnels [$(tunnels)] files [$(state_files)] ports [$(our_ports)]"
}
# all_cleared: the same after an unmount, which is the watchdog's work and has a grace period (WD-5).
# The writer of the logs ends a few seconds after the last program that needs it, which is the watchdog.
all_cleared() {
  nothing_left 20
  eventually 5 one_log_writer || fail "several log writers: $(log_writers)"
  watchdog_runs || eventually 15 no_log_writer || fail "the log writer stays: $(log_writers)"
}
# Another host of the case (its own mounts, these processes) has its own.
log_writers() {
  local pid
  for pid in $(pgrep -x efs-log-writer); do
    [[ "/proc/$pid/ns/mnt" -ef /proc/self/ns/mnt ]] && echo "$pid"
  done
}
# One that finds another at work ends at once.
one_log_writer() { [[ "$(log_writers | wc -l)" -le 1 ]]; }
no_log_writer() { [[ -z "$(log_writers)" ]]; }

# fault COMMAND...: tells the simulator to misbehave; ends with the case.
fault() {
  touch "$WORLD/faulty"
  simulator_control "$@" >/dev/null || fail "the simulator refused: $*"
}

# checksum FILE
checksum() { sha256sum "$1" | cut -d' ' -f1; }

# efs_setting KEY VALUE: changes the client's efs-utils.conf for this case.
efs_setting() {
  local file
  for file in /etc/amazon/efs/efs-utils.conf /etc/amazon/efs/efsmount.conf; do
    sed -i "s|^#\? *$1 *=.*|$1 = $2|" "$file"
    ! grep -q "^$1 = $2" "$file" || return 0
  done
  fail "neither efs-utils.conf nor efsmount.conf has the key $1"
}
