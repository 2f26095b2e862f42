# shellcheck shell=bash
# Several connections to one mount target (max_connections), as the simulator sees them. Sourced after lib.sh.

# several_mount: the tunnel of /mnt/efs may open five. Their mount is also under load by a job of fio that
# verifies every byte it wrote, enough for a server that thinks more connections worth while (simulator.sh).
several_mount() {
  efs_setting max_connections 5
  partition 0
  mount_efs tls "$FS:/" /mnt/efs
}
# partition N: what binds from now on lands there. A search has 15 s, and a handshake takes two of them in an emulated
# machine: with partitions that take turns it would be luck to find five in time.
partition() {
  PARTITION=$1
  fault target "$FS" "${REGION}a" bind "ready=$1"
}
# elsewhere: the next tunnel or connection of the kernel's finds its session unknown.
elsewhere() { partition $((1 - PARTITION)); }
# bound_now: the bound connections of the newest tunnel and incarnation, a line each. Those of a tunnel that was killed
# may stand for a while where nfs-ganesha has not seen their end.
bound_now() {
  simulator_control connections | tr '}' '\n' | grep '"bind":"ready"' | awk '
    {match($0, /"identifier":"[0-9a-f]*","incarnation":[0-9]*/); line[NR] = $0; of[NR] = substr($0, RSTART, RLENGTH)}
    END {for (i = 1; i <= NR; ++i) if (of[i] == of[NR]) print line[i]}'
}
# Those that have carried calls of the kernel's session.
carrying() { bound_now | grep -c '"calls":[1-9]'; }
five_carry() { [[ "$(carrying)" -eq 5 ]]; }
# five_again: after a fault the load has to pass the threshold once more, and a search takes its time.
five_again() { eventually 90 five_carry || fail "not five connections again: $(simulator_control connections)"; }
# What only the first may carry stays on it.
first_only() { bound_now | grep -c '"first_only":[1-9]'; }
several_partitions() { bound_now | grep '"calls":[1-9]' | grep -o '"partition":[0-9]*' | sort -u | wc -l; }

# verify_start: direct writes of 64 KiB, each read back and compared; ten at a time, because a call goes where least is outstanding: fewer than
# there are connections, and one of them never gets any.
verify_start() {
  fio --name=several --directory=/mnt/efs --rw=randwrite --bs=64k --size=1m --numjobs=10 --direct=1 --fallocate=none \
    --verify=crc32c --verify_backlog=8 --verify_fatal=1 --continue_on_error=none --time_based=1 --runtime=7200 \
    --output="$WORLD/several.json" --output-format=json >"$WORLD/several.log" 2>&1 </dev/null &
  VERIFY=$!
}
verify_stop() {
  local status=0
  kill -INT "$VERIFY"
  eventually 90 has_ended "$VERIFY" || fail "fio does not end"
  wait "$VERIFY" || status=$?
  [[ $status -eq 0 || $status -eq 128 ]] || fail "fio ended with $status: $(tail -n 5 "$WORLD/several.log")"
  [[ "$(grep -c '"error" : 0,' "$WORLD/several.json")" -eq 10 ]] || fail "fio saw errors: $(grep '"error"' "$WORLD/several.json")"
  ! grep -qi 'verify.*\(failed\|bad\)' "$WORLD/several.log" "$WORLD/several.json" || fail "a wrong byte"
  note "fio: $(awk -F'[:,]' '/"total_ios"/ {printf "%s ", $2}' "$WORLD/several.json") operations (read, written, trimmed; ten jobs)"
}
