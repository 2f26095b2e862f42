#!/usr/bin/env bash
# The CSI driver does not serialise publishes of one target, and removes the directory of one that failed:
# of 2 to 20 at the same moment, of the same file system or of two, one is mounted and stays; every exit code is true.
# Contract: CSI-16, FLOW-3.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/csi.sh
. "$E2E/csi.sh"

csi_node
driver_start 4
echo root >"$WORLD/data/$FS/who"
echo web >"$WORLD/data/$FS/web-content/who"
DONE=$NODE/done
target="$(volume pvc-same)"
mounts_at_target() { awk -v where="$target" '$5 == where' /proc/self/mountinfo | wc -l; }

# at_once OPTIONS...: one publish for each of the option lists; DONE/<n> and DONE/<n>.code tell the end.
at_once() {
  local number=0 options started=()
  rm -rf "$DONE"
  mkdir "$DONE"
  for options in "$@"; do
    number=$((number + 1))
    (
      ask_publish "$options" "$FS:/" pvc-same >"$DONE/$number" 2>&1 </dev/null
      echo $? >"$DONE/$number.code"
    ) &
    started+=($!)
  done
  wait "${started[@]}"
}
# judge WHAT...: the same list with the content of `who` in place of the options.
judge() {
  local number=0 what code mounted winners=0
  for what in "$@"; do
    number=$((number + 1))
    note "publish of $what ended with $(cat "$DONE/$number.code") $(cat "$DONE/$number")"
  done
  equal "mounts at the target after $# publishes at once" "$(mounts_at_target)" 1
  mounted="$(timeout $((20 * SCALE)) cat "$target/who")" || fail "the mount does not answer"
  number=0
  for what in "$@"; do
    number=$((number + 1))
    code="$(cat "$DONE/$number.code")"
    if [[ $code -ne 0 ]]; then
      [[ -s "$DONE/$number" ]] || fail "a publish failed without a word"
    elif ! grep -q 'is already mounted' "$DONE/$number"; then
      winners=$((winners + 1))
      equal "what is mounted where a publish of $what ended with 0" "$mounted" "$what"
    fi
  done
  equal "publishes that say they mounted it" "$winners" 1
  # The application of the pod writes to EFS, not to the node's disk; and it is still so later.
  eventually 20 tunnels_are 1 || fail "tunnels: $(tunnels | wc -l) for one mount"
  touch "$target/written-after" || fail "writing"
  equal "mounts at the target, later" "$(mounts_at_target)" 1
  eventually 10 no_foreign_zombies || fail "zombies: $(zombies_of_pod)"
  unpublish pvc-same
  all_cleared
}

web="tls,accesspoint=$AP_WEB"
for _ in 1 2; do
  at_once tls tls
  judge root root
done
at_once tls "$web"
judge root web
options=() contents=()
for ((n = 0; n < 10; n++)); do
  options+=(tls "$web")
  contents+=(root web)
done
at_once "${options[@]}"
judge "${contents[@]}"
driver_kill
