#!/usr/bin/env bash
# A file system mounted by its id serves files through a tunnel of its own, with the NFS options that
# EFS wants. Contract: CLI-1, DEV-2, NFS-1, NFS-2, NFS-8, ST-1..4, TUN-1, EX-3, CSI-1
# (mount(8) is called as mount-utils does: both streams are read to their end).
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mount_efs tls "$FS:/" /mnt/efs
equal "source in /proc/mounts (NFS-1)" "$(mount_source /mnt/efs)" 127.0.0.1:/
options="$(nfs_options /mnt/efs)"
for word in vers=4.1 rsize=1048576 wsize=1048576 hard timeo=600 retrans=2 noresvport proto=tcp; do
  has_word "$options" "$word" || fail "$word is missing in $options"
done

port="$(mount_port /mnt/efs)"
tunnel="$(tunnel_of /mnt/efs)"
[[ -n "$tunnel" ]] || fail "no efs-proxy listens on port $port"
name="$FS.mnt.efs.$port"
for path in "$STATE/$name" "$STATE/stunnel-config.$name" "$STATE/$name+/certificate.pem" "$STATE/$name+/stunnel.pid"; do
  [[ -e "$path" ]] || fail "$path is missing"
done
equal "pid file" "$(cat "$STATE/$name+/stunnel.pid")" "$tunnel"
equal "mode of the certificate's directory (ST-7)" "$(stat -c %a "$STATE/$name+")" 700
command="$(tr '\0' ' ' <"/proc/$tunnel/cmdline")"
[[ "$command" == *efs-proxy*"stunnel-config.$name"*--tls* ]] || fail "command line of the tunnel: $command"

device="$(mount_line /mnt/efs | cut -d' ' -f6)"
equal "read-ahead in KiB (NFS-8)" "$(cat "/sys/class/bdi/$device/read_ahead_kb")" 15360

echo "from the client" >/mnt/efs/hello
equal "read back" "$(cat /mnt/efs/hello)" "from the client"
equal "on the server" "$(cat "$WORLD/data/$FS/hello")" "from the client"
dd if=/dev/urandom of=/tmp/world/blob bs=1M count=16 status=none
succeed cp "$WORLD/blob" /mnt/efs/blob
equal "checksum on the server" "$(checksum "$WORLD/data/$FS/blob")" "$(checksum "$WORLD/blob")"
unmount /mnt/efs
all_cleared
