#!/usr/bin/env bash
# Many mounts of one mount point at the same moment (EFS_MOUNTS, 20; 6 in all but the first round), as the CSI driver makes them: exactly one
# mount in the end, each exit code true, and what lost leaves neither tunnel nor state nor port. Of one file
# system and of several, by different paths, with both ways to make a mount. Contract: CSI-1, FLOW-1, FLOW-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

readonly MOUNTS=${EFS_MOUNTS:-20}
readonly FEW=6
count=$MOUNTS
mkdir -p /mnt/x
ln -s /mnt/x /mnt/link
echo root >"$WORLD/data/$FS/marker"
echo web >"$WORLD/data/$FS/web-content/marker"
echo shared >"$WORLD/data/$FS/shared-data/marker"

mounts_of_x() { awk '$5 == "/mnt/x"' /proc/self/mountinfo | grep -c ' - nfs4 '; }
# at_once OPTIONS...: number N takes the option list N modulo their count; CODE[N] is how it ended.
at_once() {
  local n started=() path
  CODE=()
  rm -f "$WORLD"/said.*
  for ((n = 0; n < count; n++)); do
    path=/mnt/x
    [[ $((n % 4)) -ne 3 ]] || path=/mnt/link
    timeout $((120 * SCALE)) mount.efs "$FS:/" "$path" -o "${@:n % $# + 1:1}" >"$WORLD/said.$n" 2>&1 </dev/null &
    started+=($!)
  done
  for ((n = 0; n < count; n++)); do
    wait "${started[n]}"
    CODE+=($?)
  done
  note "exit codes: ${CODE[*]}"
}
one_is_left() {
  equal "mounts at /mnt/x" "$(mounts_of_x)" 1
  equal "mounts in all" "$(our_mounts | wc -l)" 1
  eventually 5 one_tunnel || fail "left behind: tunnels [$(tunnels)] ports [$(our_ports)] files [$(state_files)]"
  echo "written $1" >/mnt/x/written || fail "it does not work"
}
one_tunnel() {
  [[ "$(tunnels | wc -l)" -eq 1 && "$(our_ports | wc -l)" -eq 1 && "$(state_files | wc -l)" -eq 3 ]]
}

for api in auto classic; do
  efs_setting mount_api "$api"
  note "one file system, $api"
  at_once tls
  for ((n = 0; n < count; n++)); do
    equal "number $n: $(cat "$WORLD/said.$n"): exit code" "${CODE[n]}" 0
  done
  one_is_left "$api"
  equal "on the server" "$(cat "$WORLD/data/$FS/written")" "written $api"
  equal "said so" "$(grep -l 'is already mounted' "$WORLD"/said.* | wc -l)" $((count - 1))
  unmount /mnt/x
  all_cleared

  count=$FEW
  note "three roots, $api"
  at_once tls "tls,accesspoint=$AP_WEB" "tls,accesspoint=$AP_SHARED"
  there="$(cat /mnt/x/marker)"
  winners=0
  for ((n = 0; n < count; n++)); do
    case ${CODE[n]} in
      0) grep -q 'is already mounted' "$WORLD/said.$n" || winners=$((winners + 1)) ;;
      32) grep -q 'another file system was mounted' "$WORLD/said.$n" || fail "number $n: $(cat "$WORLD/said.$n")" ;;
      *) fail "number $n ended with ${CODE[n]}: $(cat "$WORLD/said.$n")" ;;
    esac
  done
  equal "mounts that say they mounted ($there)" "$winners" 1
  one_is_left "$api"
  unmount /mnt/x
  all_cleared
done
