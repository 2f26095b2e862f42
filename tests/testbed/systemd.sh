#!/usr/bin/env bash
# systemd.sh BIN OUT COMMAND [ARGUMENT...]: boots a Debian with systemd twice from one disk (the second
# boot is the reboot) and runs COMMAND in each, with EFS_BOOT=1 and 2. Results -> OUT; OUT/boot1 and
# OUT/boot2 hold console and journal. Ends with the first boot's status that is not 0.
set -euo pipefail
# shellcheck source=tests/testbed/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
EFS_KERNEL=6.1  # the one of the Debian in the image
# shellcheck source=tests/testbed/kernel.sh
. "$TESTBED/kernel.sh"
# shellcheck source=tests/testbed/root_files.sh
. "$TESTBED/root_files.sh"
# shellcheck source=tests/testbed/guest_command.sh
. "$TESTBED/guest_command.sh"
# shellcheck source=tests/testbed/machine.sh
. "$TESTBED/machine.sh"
# shellcheck source=tests/testbed/systemd_image.sh
. "$TESTBED/systemd_image.sh"

# What the first boot brings to the disk: the package (the first process installs it), the tests and the
# world's own unit.
payload() {
  local root=$1 bin=$2 units="$1/etc/systemd/system" package
  shift 2
  put_tests "$root" "$bin" without-libraries
  mkdir -p "$units/network-online.target.wants" "$root/mnt/efs" "$root/mnt/none" "$root/efsmount/package"
  package="$("$SOURCE/packaging/build.sh" deb --build "$bin/.." --output "$root/efsmount/package")" || die "no package"
  mv "$package" "$root/efsmount/package/efsmount.deb"
  cp "$TESTBED"/guest/efs-test.{service,target} "$SOURCE/tests/e2e/systemd_world/efs-world.service" "$units/"
  ln -s ../efs-world.service "$units/network-online.target.wants/"
  cp "$SOURCE/tests/e2e/systemd_world/fstab" "$root/etc/fstab"
  printf 'nameserver 10.77.0.2\n' >"$root/etc/resolv.conf"
  guest_command guest "$@" >"$root/efsmount/command"
}

# boot NUMBER INITRD: one life of the machine.
boot() {
  local number=$1 initrd=$2 status=0
  say "boot $number"
  machine_run "${EFS_GUEST_LIMIT:-400}" "$out/boot$number" "$initrd" \
    "mitigations=off audit=0 net.ifnames=0 systemd.unit=efs-test.target systemd.show_status=no efs.boot=$number" \
    -drive "file=$out/disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk || status=$?
  # The verdicts of both boots lie beside each other.
  find "$out/boot$number" -mindepth 1 -maxdepth 1 -type d -exec cp -r {} "$out/" \;
  return $status
}

# The end of a boot is a case of its own: it happens when the guest can no longer report.
poweroff_case() {
  local number=$1 folder="$out/9$1-poweroff-$1"
  mkdir -p "$folder"
  cp "$out/boot$number/console.log" "$folder/log"
  if grep -q 'reboot: Power down' "$folder/log"; then echo ok; else
    echo "FAILED: the machine did not switch itself off" >>"$folder/log"
    echo failed
  fi >"$folder/verdict"
}

main() {
  [[ $# -ge 3 ]] || die "usage: systemd.sh BIN OUT COMMAND [ARGUMENT...]"
  [[ $EUID -eq 0 ]] || die "making the disk image needs root"
  local bin work status=0 number
  bin="$(realpath "$1")"; mkdir -p "$2"; out="$(realpath "$2")"; shift 2
  efs_packages test machine image
  testbed_kernel
  systemd_image
  work="$(mktemp -d "${TMPDIR:-/tmp}/efs-systemd.XXXXXX")"
  # shellcheck disable=SC2064  # the paths of now
  trap "rm -rf '$work' '$out/disk'" EXIT
  payload "$work/root/payload" "$bin" "$@"
  pack_cpio "$work/root" "$work/payload.cpio"
  cat "$BOOT_CPIO" "$work/payload.cpio" >"$work/initrd"
  rm -rf "$work/root" "$work/payload.cpio"
  cp --sparse=always --reflink=auto "$DISK_IMAGE" "$out/disk"
  boot 1 "$work/initrd" || status=$?
  boot 2 "$BOOT_CPIO" || status=$?
  for number in 1 2; do poweroff_case "$number"; done
  return $status
}

main "$@"
