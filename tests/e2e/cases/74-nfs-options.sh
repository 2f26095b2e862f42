#!/usr/bin/env bash
# Options of nfs(5) that change more than a number: the version with and without its minor part, several
# connections per mount, the local cache; /etc/nfsmount.conf is not read, as mount.efs(8) says.
# Contract: OPT-4, NFS-2, TUN-7.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

# Lines that would forbid every mount if anybody read them.
printf '[ NFSMount_Global_Options ]\nDefaultvers=3\nvers=3\nSoft=True\nPort=1\n' >/etc/nfsmount.conf

# mounts_as WANTED OPTIONS: with these options it becomes this version.
mounts_as() {
  mount_efs "tls,$2" "$FS:/" /mnt/efs
  has_word "$(nfs_options /mnt/efs)" "vers=$1" || fail "$2 became $(nfs_options /mnt/efs)"
  has_word "$(nfs_options /mnt/efs)" hard || fail "not hard: somebody read /etc/nfsmount.conf"
  echo "$2" >/mnt/efs/version
  equal "on the server" "$(cat "$WORLD/data/$FS/version")" "$2"
  unmount /mnt/efs
  all_cleared
}
note "the server knows 4.0 and 4.1, as EFS does: 4 is the highest that both know"
mounts_as 4.1 rw
mounts_as 4.1 nfsvers=4
mounts_as 4.0 nfsvers=4.0
refuse 32 mount -t efs -o tls,nfsvers=4.2 "$FS:/" /mnt/efs
says "requested NFS version or transport protocol is not supported"
nothing_left 0

note "nconnect: several connections through one tunnel, also after it died"
mount_efs "tls,nconnect=4" "$FS:/" /mnt/efs
connections() { ss -Htn state established "( dport = :$(mount_port /mnt/efs) )" | wc -l; }
dd if=/dev/urandom of="$WORLD/blob" bs=1M count=4 status=none
succeed cp "$WORLD/blob" /mnt/efs/nconnect
equal "connections" "$(connections)" 4
old="$(tunnel_of /mnt/efs)"
kill -9 "$old"
eventually 15 tunnel_is_new /mnt/efs "$old" || fail "no new tunnel"
succeed cp "$WORLD/blob" /mnt/efs/nconnect-again
equal "checksum" "$(checksum "$WORLD/data/$FS/nconnect-again")" "$(checksum "$WORLD/blob")"
unmount /mnt/efs
all_cleared

note "fsc: the kernel's business; without a cache daemon it is a mount like any other"
mount_efs "tls,fsc" "$FS:/" /mnt/efs
equal "content" "$(checksum /mnt/efs/nconnect)" "$(checksum "$WORLD/blob")"
unmount /mnt/efs
all_cleared
