#!/usr/bin/env bash
# Many mounts of one mount point at the same moment (EFS_MOUNTS, 20; 6 in all but the first round), as the CSI driver makes them: exactly one
# mount in the end, each exit code true, and what lost leaves neither tunnel nor state nor port. Of one file
# system and of several, by all the ways to spell one place, also within another mount, with both ways to make a mount.
# Contract: CSI-1, FLOW-1, FLOW-3.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

readonly MOUNTS=${EFS_MOUNTS:-20}
readonly FEW=6
count=$MOUNTS
mkdir -p /mnt/x /srv
ln -s /mnt/x /mnt/link
ln -s ../mnt /srv/beside
# Of the directory /mnt/x.
spellings_of_x=(/mnt/x /mnt/x/ /mnt/link /mnt//./x/. /mnt/x/../x ./x /srv/beside/x /proc/self/root/mnt/x)
cd /mnt || exit 1
echo root >"$WORLD/data/$FS/marker"
echo web >"$WORLD/data/$FS/web-content/marker"
echo shared >"$WORLD/data/$FS/shared-data/marker"

mounts_of_x() { awk '$5 == "/mnt/x"' /proc/self/mountinfo | grep -c ' - nfs4 '; }
# at_once OPTIONS...: number N takes the option list N modulo their count; CODE[N] is how it ended.
at_once() {
  local n started=()
  CODE=()
  rm -f "$WORLD"/said.*
  for ((n = 0; n < count; n++)); do
    timeout $((120 * SCALE)) mount.efs "$FS:/" "${spellings[n % ${#spellings[@]}]}" -o "${@:n % $# + 1:1}" >"$WORLD/said.$n" 2>&1 </dev/null &
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

spellings=("${spellings_of_x[@]}")
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

note "a directory of another mount"
mount_efs tls,accesspoint="$AP_WEB" "$FS:/" /mnt/x
mkdir /mnt/x/inner
spellings=(/mnt/x/inner /mnt/link/inner/ ./x/inner /proc/self/root/mnt/x/inner)
at_once tls
for ((n = 0; n < count; n++)); do
  equal "number $n: $(cat "$WORLD/said.$n"): exit code" "${CODE[n]}" 0
done
equal "mounts at the inner place" "$(awk '$5 == "/mnt/x/inner"' /proc/self/mountinfo | wc -l)" 1
equal "mounts in all" "$(our_mounts | wc -l)" 2
equal "outside" "$(cat /mnt/x/marker)" web
equal "inside" "$(cat /mnt/x/inner/marker)" root
unmount /mnt/x/inner
unmount /mnt/x
all_cleared

note "one place of two mounts that are each other's copies"
mount -t tmpfs places /srv
mkdir -p /srv/a /srv/b
mount -t tmpfs place /srv/a
mount --make-shared /srv/a
mount --bind /srv/a /srv/b
mkdir /srv/a/x
spellings=(/srv/a/x /srv/b/x)
at_once tls
for ((n = 0; n < count; n++)); do
  equal "number $n: $(cat "$WORLD/said.$n"): exit code" "${CODE[n]}" 0
done
for place in /srv/a/x /srv/b/x; do
  equal "mounts at $place" "$(awk -v where="$place" '$5 == where' /proc/self/mountinfo | wc -l)" 1
  equal "there" "$(cat "$place/marker")" root
done
equal "ports" "$(our_ports | wc -l)" 1
unmount /srv/a/x
umount /srv/b /srv/a /srv || fail "somebody uses the places"
all_cleared
