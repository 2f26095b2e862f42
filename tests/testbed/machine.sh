# shellcheck shell=bash
# One bounded virtual machine. Sourced; needs lib.sh and kernel.sh.

readonly EMULATION=tcg,thread=multi,tb-size=512
# Emulated one by one, the wide vector instructions that a C library and OpenSSL prefer cost more than they save.
readonly EMULATED_CPU=max,avx=off,avx2=off,fma=off,f16c=off,vaes=off

# machine_accelerator: KVM where it works, else emulation. A /dev/kvm that can be opened proves nothing
# (in a cloud machine it may hang or abort), so a kernel without a root disk is booted once: its panic
# ends the machine. The answer is kept for this boot of the host.
machine_accelerator() {
  if [[ -n "${EFS_ACCELERATOR:-}" ]]; then echo "$EFS_ACCELERATOR"; return; fi
  [[ -r /dev/kvm && -w /dev/kvm ]] || { echo "$EMULATION"; return; }
  local memory
  memory="$EFS_CACHE/accelerator.$(cat /proc/sys/kernel/random/boot_id)"
  if [[ ! -s "$memory" ]]; then
    if timeout -k 2 20 qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
      -serial none -accel kvm -machine q35 -cpu max -smp 2 -m 256 -kernel "$KERNEL_IMAGE" \
      -append "panic=-1 quiet" </dev/null >/dev/null 2>&1; then
      echo kvm >"$memory"
    else
      echo "$EMULATION" >"$memory"
    fi
  fi
  cat "$memory"
}

# machine_run LIMIT OUT INITRD APPEND [QEMU ARGUMENT...]: boots until the guest powers off or LIMIT
# seconds are over. Console -> OUT/console.log and, without control characters, stdout. What the
# guest wrote to the port "results" (tar files, one behind the other) -> OUT/.
# cryptomgr.notests: the kernel's tests of its own ciphers once took all of a guest's time, emulated.
# Returns the guest's verdict: the line "@@ verdict N"; 99 when there was none.
machine_run() {
  local limit=$1 out=$2 initrd=$3 append=$4 accelerator processor=max verdict
  shift 4
  accelerator="$(machine_accelerator 2>/dev/null)"
  [[ "$accelerator" != tcg* ]] || processor=$EMULATED_CPU
  mkdir -p "$out"
  timeout -k 5 "$((limit * ${EFS_TIME_SCALE:-1}))" qemu-system-x86_64 \
    -nodefaults -no-user-config -no-reboot -display none -monitor none -serial stdio \
    -accel "$accelerator" -machine q35 -cpu "$processor" -smp 2 -m "${EFS_GUEST_MEMORY:-1536}" \
    -kernel "$KERNEL_IMAGE" -initrd "$initrd" -append "console=ttyS0 panic=-1 quiet no_timer_check cryptomgr.notests $append" \
    -device virtio-rng-pci -device virtio-serial-pci \
    -chardev "file,id=results,path=$out/results.tar" \
    -device virtserialport,chardev=results,name=results "$@" </dev/null 2>&1 |
    sed -u 's|\r||g' | tee "$out/console.log" || true
  if [[ -s "$out/results.tar" ]]; then
    tar -C "$out" --ignore-zeros -xf "$out/results.tar" 2>/dev/null || say "the results are incomplete"
  fi
  rm -f "$out/results.tar"
  verdict="$(sed -n 's/^.*@@ verdict \([0-9]*\).*$/\1/p' "$out/console.log" | tail -1)"
  [[ -n "$verdict" ]] || say "the guest ended without a verdict (limit $limit s); its last words:" \
    "$(tail -3 "$out/console.log")"
  return "${verdict:-99}"
}
