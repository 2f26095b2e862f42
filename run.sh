#!/usr/bin/env bash
# ./run.sh                            builds, starts a whole EFS on this machine (in a virtual machine
#                                     where the kernel has no NFS client) and does the main job: mounts,
#                                     sharing, access points, a killed tunnel, clean-up
# ./run.sh --build-only               builds the programs into build/release/bin
# ./run.sh FILE-SYSTEM DIRECTORY [OPTIONS]
#                                     mounts a real EFS with the built programs, as
#                                     mount -t efs -o OPTIONS FILE-SYSTEM DIRECTORY (default: tls)
# ./run.sh --help
# As root, on Debian 12; what is missing is installed with apt-get. EFS_TIME_SCALE=5 stretches time limits.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/testbed/lib.sh
. tests/testbed/lib.sh

TOOLS=(efs-simulator certificate-vectors)  # for whoever develops or judges them
BIN=build/release/bin

# step TEXT COMMAND...: the command's output, then one line with its time.
step() {
  local text=$1 started=$EPOCHREALTIME
  shift
  say "$text ..."
  "$@" || { say "main job: failed: $text"; exit 1; }
  say "$text: done in $(seconds_since "$started")"
}

configure() {
  mkdir -p build
  timeout 600 cmake --preset release >build/release.configure.log 2>&1 ||
    { cat build/release.configure.log; return 1; }
}
compile() { timeout 3600 cmake --build build/release -j "$(nproc)" --target "$@"; }

# Puts the programs where mount(8), the watchdog and a reboot find them.
install_programs() {
  install -d /etc/amazon/efs /var/log/amazon/efs
  cmake --install build/release --component programs
  local name
  for name in efs-utils.conf efsmount.conf; do
    [[ -e /etc/amazon/efs/$name ]] || install -m 644 "config/$name" /etc/amazon/efs/
  done
  # The system's authorities contain Amazon's.
  [[ -e /etc/amazon/efs/efs-utils.crt ]] ||
    install -m 444 /etc/ssl/certs/ca-certificates.crt /etc/amazon/efs/efs-utils.crt
  if [[ -d /run/systemd/system ]]; then
    install -m 644 systemd/amazon-efs-mount-watchdog.service /etc/systemd/system/
    systemctl daemon-reload
    systemctl enable --quiet amazon-efs-mount-watchdog
  fi
}

mount_real() {
  [[ $EUID -eq 0 ]] || die "mounting needs root"
  build_programs programs
  step "install the programs" install_programs
  mkdir -p "$2"
  mount -t efs -o "${3:-tls}" "$1" "$2"
  df -h "$2"
}

build_programs() {
  step "packages" efs_packages build
  step "configure" configure
  step "build" compile "$@"
}

main_job() {
  [[ $EUID -eq 0 ]] || die "the main job needs root: it mounts"
  build_programs programs efs-simulator
  step "main job" env EFS_GUEST_LIMIT="${EFS_GUEST_LIMIT:-600}" \
    tests/testbed/place.sh "$BIN" build/main-job tests/e2e/main_job.sh
  say "everything in $(seconds_since "$STARTED")"
  say "main job: ok"
}

STARTED=$EPOCHREALTIME
case "${1:-}" in
  "") main_job ;;
  -h | --help) sed -n '2,/^set /s/^# \?//p' "$0" ;;
  --build-only) build_programs programs "${TOOLS[@]}" ;;
  -*) die "unknown option $1; see ./run.sh --help" ;;
  *)
    [[ $# -ge 2 && $# -le 3 ]] || die "a file system and a directory are needed; see ./run.sh --help"
    mount_real "$@"
    ;;
esac
