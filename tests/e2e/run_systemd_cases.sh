#!/usr/bin/env bash
# Runs in the systemd guest, once per boot: the cases of systemd_cases/ whose number begins with the
# number of this boot, one after the other on the living machine. Verdicts as in run_cases.sh.
set -uo pipefail
E2E="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export E2E WORLD=/var/lib/efs-world
boot="$(sed -n 's/.*efs.boot=\([0-9]\).*/\1/p' /proc/cmdline)"
limit=$((120 * ${EFS_TIME_SCALE:-1}))

# Everything a reader of a failure wants to see.
aftermath() {
  systemctl --failed --no-pager --plain
  systemctl status --no-pager -l mnt-efs.mount amazon-efs-mount-watchdog.service efs-world.service
  grep nfs /proc/self/mountinfo
  ps -eo pid,ppid,stat,args
  tail -n 60 /var/log/amazon/efs/*.log
}

for file in "$E2E/systemd_cases/$boot"*.sh; do
  name="$(basename "$file" .sh)"
  out="$EFS_RESULTS/$name"
  started=$SECONDS
  mkdir -p "$out"
  verdict=ok
  timeout -k 5 "$limit" bash "$file" >"$out/log" 2>&1 </dev/null || verdict=failed
  if [[ $verdict == failed ]]; then aftermath >>"$out/log" 2>&1; fi
  echo "$verdict" >"$out/verdict"
  printf '%-8s %s (%s s)\n' "$verdict" "$name" "$((SECONDS - started))"
  if [[ $verdict == failed ]]; then grep -m1 '^FAILED' "$out/log" | sed 's/^/         /'; fi
  tar -C "$EFS_RESULTS" -cf - "$name" >/dev/virtio-ports/results
done
exit 0
