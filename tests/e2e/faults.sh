# shellcheck shell=bash
# Faults with I/O running: how soon somebody notices, when I/O goes on, what the application saw.
# Sourced after lib.sh. A case starts the load, causes its faults one after the other through
# `measure`, and ends with load_stop, which fails when a single operation failed or a byte was lost.
# The lines "@@ fault" of its log are the rows of docs/faults.md (fault_table.sh).

LOAD="$WORLD/load"
EVENTS="$LOAD/events"  # every line of the product's logs, with the time of /proc/uptime before it
declare -A STREAM=()   # journal -> pid of the io-witness that writes it
FIO_PID="" FOLLOWER="" SERVICE=""
# shellcheck disable=SC2034  # used by whoever sources this
# What a tunnel says when its connection to the server breaks.
TUNNEL_NOTICES='Connection [0-9]+ .* ended|server closed|upstream '
# shellcheck disable=SC2034
# What the watchdog says when a tunnel is dead.
TUNNEL_ENDED='is no longer running|has exited|is not running'
# Tunnels write a log only where they are told to.
efs_setting stunnel_debug_enabled true

# Milliseconds since boot: no fault sets that clock.
now() {
  local uptime rest
  read -r uptime rest </proc/uptime
  echo "${uptime/./}0"
}

# --- load

# load_start DIRECTORY [MODE...]: streams on that mount: buffered, direct, locked (default all), and fio.
load_start() {
  local where=$1 mode
  shift
  [[ $# -gt 0 ]] || set -- buffered direct locked fio
  mkdir -p "$LOAD"
  [[ -n "$FOLLOWER" ]] || follow_logs
  for mode in "$@"; do
    if [[ $mode == fio ]]; then fio_start "$where"; else stream_start "$where" "$mode"; fi
  done
  eventually 15 load_moves_after "$(now)" || fail "the load does not run: $(tail -n 3 "$LOAD"/*)"
}
follow_logs() {
  mkdir -p "$LOAD"
  io-witness follow /var/log/amazon/efs "$EVENTS" &
  FOLLOWER=$!
}
stream_start() {
  local journal="$LOAD/${1##*/}-$2"
  io-witness run "$2" "$1/io-$2" "$journal" >"$journal.end" 2>&1 </dev/null &
  STREAM[$journal]=$!
}
# Somebody else's idea of verification, beside ours; slow, because the machine may be emulated.
fio_start() {
  cat >"$LOAD/fio.job" <<JOB
[global]
directory=$1
rw=randwrite
bs=16k
size=1m
fallocate=none
verify=crc32c
verify_backlog=8
verify_fatal=1
continue_on_error=none
time_based=1
runtime=7200
rate_iops=8
[fio-buffered]
fsync=8
[fio-direct]
direct=1
JOB
  fio --output="$LOAD/fio.json" --output-format=json "$LOAD/fio.job" >"$LOAD/fio.log" 2>&1 </dev/null &
  FIO_PID=$!
}

# load_moves_after TIME: each stream has got so much done since that the server was needed for it.
load_moves_after() {
  local journal
  for journal in "${!STREAM[@]}"; do
    [[ "$(awk -v from="$1" '$1 - $2 > from' "$journal" 2>/dev/null | wc -l)" -ge 10 ]] || return 1
  done
}

# load_stop: ends the load and judges it.
load_stop() {
  local journal pid good=1
  kill "${STREAM[@]}"
  [[ -z "$FIO_PID" ]] || kill -INT "$FIO_PID"
  for journal in "${!STREAM[@]}"; do
    pid=${STREAM[$journal]}
    eventually 60 has_ended "$pid" || fail "the stream ${journal##*/} does not end"
    wait "$pid" || good=0
    note "${journal##*/}: $(cat "$journal.end")"
    grep -E '^[0-9]+ [0-9]+ [a-z]+ .' "$journal" | head -n 5
  done
  STREAM=()
  if [[ -n "$FIO_PID" ]]; then fio_stop || good=0; fi
  kill "$FOLLOWER"
  FOLLOWER=""
  [[ $good -eq 1 ]] || fail "the application saw errors or lost data"
}
fio_stop() {
  local status=0
  eventually 60 has_ended "$FIO_PID" || fail "fio does not end"
  wait "$FIO_PID" || status=$?
  FIO_PID=""
  # 128: ended by our signal. Of two jobs each has to have verified something, without an error.
  note "fio ended with $status: $(awk -F'[:,]' '/"jobname"/ {name = $2} /"error" :/ {error = $2}
    /"total_ios"/ && ++row[name] <= 2 {printf "%s %s=%s error=%s;", name, row[name] == 1 ? "read" : "written", $2, error}' "$LOAD/fio.json")"
  [[ $status -eq 0 || $status -eq 128 ]] &&
    [[ "$(grep -c '"error" : 0,' "$LOAD/fio.json")" -eq 2 ]] &&
    ! grep -qi 'verify.*\(failed\|bad\)' "$LOAD/fio.log" "$LOAD/fio.json"
}

# lock_held DIRECTORY: nobody else gets the lock of the locked stream: not another process here, not
# another client (a mount of its own is one: every mount presents itself under its own name).
lock_held() {
  io-witness try-lock "$1/io-locked" || fail "another process gets the lock ($?)"
  mount_efs tls "$FS:/" /mnt/judge
  io-witness try-lock /mnt/judge/io-locked || fail "another client gets the lock ($?)"
  ! io-witness try-lock /mnt/judge/io-direct || fail "the test of the lock proves nothing"
  unmount /mnt/judge
}

# --- measurement

# measure NAME PATTERN COMMAND...: COMMAND causes the fault and returns when its cause is over. Then I/O
# must go on, and a line of the product's logs match PATTERN (extended; empty: nobody has to notice).
measure() {
  local name=$1 pattern=$2 began ended
  shift 2
  note "fault: $name"
  began="$(now)"
  "$@"
  ended="$(now)"
  eventually "${PATIENCE:-60}" load_moves_after "$ended" || fail "$name: I/O does not go on: $(tail -n 5 "$EVENTS")"
  if [[ -n "$pattern" ]]; then
    eventually "${PATIENCE:-60}" noticed_after "$began" "$pattern" || fail "$name: nobody noticed: $(tail -n 5 "$EVENTS")"
  fi
  fault_row "$name" "$pattern" "$began" "$ended"
}
noticed_after() { [[ -n "$(first_event "$1" "$2")" ]]; }
# first_event TIME PATTERN: the first such line since, with its time.
first_event() { awk -v from="$1" '$1 >= from' "$EVENTS" | grep -m1 -E -- "$2"; }

# fault_row NAME PATTERN BEGAN ENDED: @@ fault NAME LASTED NOTICED AGAIN GAP ERRORS LINE, tabs between,
# milliseconds; "-" where there is nothing to tell. AGAIN: from the fault to the end of the longest gap.
fault_row() {
  local event="" noticed=- gap again errors
  [[ -z "$2" ]] || event="$(first_event "$3" "$2")"
  [[ -z "$event" ]] || noticed=$((${event%% *} - $3))
  read -r gap again errors <<<"$(longest_gap "$3" "${!STREAM[@]}")"
  # The line itself, without its time, file and the log's own stamp.
  event="$(sed -E 's/^[0-9]+ ([^ ]+) .*(DEBUG|INFO|WARNING|WARN|ERROR)( -| efs_proxy)? /\1: /' <<<"$event")"
  printf '@@ fault\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" $(($4 - $3)) "$noticed" "$again" "$gap" "$errors" "${event:--}"
}
# longest_gap FROM JOURNAL...: the longest time without a completed operation, over all streams, that
# ended after FROM; when that was, from FROM; and the operations that failed since.
longest_gap() {
  awk -v from="$1" '
    FNR == 1 {last = 0}
    $1 >= from {
      if (last && $1 - last > gap) {gap = $1 - last; again = $1 - from}
      if (NF > 3) ++errors
    }
    {last = $1}
    END {print gap + 0, again + 0, errors + 0}' "${@:2}"
}

# --- what is needed to cause faults

# service_start: the watchdog under something that starts it again, as systemd does.
service_start() {
  (
    while :; do
      amazon-efs-mount-watchdog >/dev/null 2>&1 </dev/null
      sleep 1
    done
  ) &
  SERVICE=$!
  eventually 15 watchdog_runs || fail "no watchdog runs"
}
service_stop() {
  local pid
  kill "$SERVICE"
  wait "$SERVICE" 2>/dev/null
  for pid in $(watchdogs); do kill "$pid"; done
}
# service_keeps_clean: after the last unmount nothing is left, and then the service ends.
service_keeps_clean() {
  all_cleared
  service_stop
}
watchdog_is_new() {
  local now
  now="$(watchdogs)"
  [[ -n "$now" && "$now" != "$1" ]]
}

kill_tunnel() { kill -KILL "$(tunnel_of "$1")"; }
kill_watchdog() { kill -KILL "$(watchdogs)"; }

# state_file DIRECTORY: of the mount there.
state_file() { echo "$STATE/$FS.$(sed 's|^/||; s|/|.|g' <<<"$1").$(mount_port "$1")"; }

# --- a second host that looks like this one

# twin_up: another host with this one's name, machine id and hardware, as cloned containers are: it has its
# own network, mounts, /run and configuration. Reaches the VPC through this client.
twin_up() {
  ip netns add twin
  ip link add twin0 type veth peer name eth0 netns twin
  ip link set twin0 up
  ip -n twin link set lo up
  ip -n twin addr add "$CLIENT_TWO/32" dev eth0
  ip -n twin link set eth0 up
  ip -n twin route add default dev eth0
  ip route add "$CLIENT_TWO/32" dev twin0
  sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0 \
    net.ipv4.neigh.twin0.proxy_delay=0
  mkfifo "$WORLD/twin"
  # shellcheck disable=SC2016  # for the shell there
  nsenter --net=/run/netns/twin unshare --mount --uts --fork --kill-child bash -c '
    set -e
    mount -t sysfs sys /sys
    cp -a /etc/amazon/efs /tmp/twin-efs
    for folder in /run /mnt /var/log/amazon/efs; do mount -t tmpfs -o mode=755 twin "$folder"; done
    mount --bind /tmp/twin-efs /etc/amazon/efs
    mkdir -p /mnt/efs
    echo up >"$WORLD/twin"
    exec sleep infinity' &
  TWIN=$!
  read -r -t $((30 * SCALE)) <>"$WORLD/twin" || fail "the second host did not come up"
  rm "$WORLD/twin"
}
on_twin() { nsenter --target "$(pgrep -P "$TWIN")" --mount --uts --net -- "$@"; }
twin_down() {
  eventually 60 twin_is_clean || fail "left behind on the second host: $(on_twin find /run/efs)"
  kill "$(on_twin cat /run/efs/watchdog.lock)"
  # unshare itself takes no SIGTERM while it waits for its child.
  kill "$(pgrep -P "$TWIN")"
  wait "$TWIN" 2>/dev/null
  ip netns del twin
  rm -rf /tmp/twin-efs
}
twin_is_clean() { [[ -z "$(on_twin find /run/efs -name '*fs-*')" ]]; }
