#!/usr/bin/env bash
# The main job of the product, in the place, for ./run.sh: one file system with the two access points of
# the AWS tutorial (web-content: uid 1000, mode 755; shared-data: uid 1001, mode 750), mounted by two
# clients; a tunnel killed during a copy; everything unmounted, nothing left. Ends with 1 at the first
# step that does not hold.
set -uo pipefail
# shellcheck source=tests/e2e/world.sh
. "$(dirname "${BASH_SOURCE[0]}")/world.sh"

# Progress goes here past the collected output of a step.
exec 3>&1
mkdir -p "$WORLD"

# step TEXT COMMAND...: the text, what the command said, the time it took; ends the job on failure.
step() {
  local text=$1 started=$EPOCHREALTIME status=0 out="$WORLD/step.log" ms
  shift
  printf '%s\n' "$text"
  "$@" >"$out" 2>&1 || status=$?
  ms=$(((${EPOCHREALTIME/[.,]/} - ${started/[.,]/}) / 1000))
  sed 's/^/    /' "$out"
  printf '    = %d.%02d s\n' $((ms / 1000)) $((ms % 1000 / 10))
  if [[ $status -ne 0 ]]; then
    printf 'the step "%s" failed (%s)\n' "$text" "$status"
    tail -n 40 "$WORLD"/clients/*/log/*.log "$WORLD/simulator.log"
    exit 1
  fi
}

# as CLIENT FUNCTION [ARGUMENT...]: one of main_job_steps.sh, inside a client.
as() {
  local client=$1
  shift
  # shellcheck disable=SC2016  # expanded in the client
  on "$client" timeout -k 5 $((120 * ${EFS_TIME_SCALE:-1})) \
    bash -c '. "$E2E/main_job_steps.sh"; "$@"' step "$@" </dev/null
}

both_clients_up() { client_up one "$CLIENT_ONE" && client_up two "$CLIENT_TWO"; }
# both FUNCTION: in both clients at the same time, as two hosts would.
both() {
  local status=0 one two
  as one "$1" >"$WORLD/one.out" 2>&1 &
  one=$!
  as two "$1" >"$WORLD/two.out" 2>&1 &
  two=$!
  wait "$one" || status=1
  wait "$two" || status=1
  sed 's/^/one: /' "$WORLD/one.out"
  sed 's/^/two: /' "$WORLD/two.out"
  return $status
}
shares() { as "$1" writes && as "$2" reads_from "$1"; }

# The copy runs in the background, so that its progress can be told; the result comes with copy_done.
copy_with_killed_tunnels() {
  local copy
  as one copy_begins
  as one copies 48 &
  copy=$!
  as one kill_tunnel_during_copy 12 || { kill "$copy"; return 1; }
  as one kill_tunnel_during_copy 28 || { kill "$copy"; return 1; }
  wait "$copy" || return 1
  as one copy_is_right
}

echo "place: ${EFS_PLACE}, kernel $(uname -r), $(nproc) processors"
step "an EFS with DNS, IMDS and three mount targets comes up" world_up
step "two clients, each a network, a host name and a /run of its own" \
  both_clients_up
step "both clients mount the root and the two access points" both mounts_all
step "client one: mount and df -h" as one shows_mounts
step "one writes, two reads" shares one two
step "two writes, one reads" shares two one
step "identities: who wrote is who the access point says" as two shows_identities
step "isolation: no way out of an access point, mode 750 holds" as one is_isolated
step "copy of 48 MiB by client one; its tunnel is killed twice" copy_with_killed_tunnels
step "client two reads the copy with the right checksum" as two copy_is_right
step "both clients unmount" both unmounts_all
step "no mount, tunnel, state file or port is left on either" both all_cleared
step "the world goes down" world_down
