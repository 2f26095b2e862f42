#!/usr/bin/env bash
# mount -t s3files: a file system of Amazon S3 Files, root and access point, with no option at all; its tunnel dies, its
# certificate is renewed for its own service, umount(8) calls umount.s3files.
# Contract: section 21, CLI-1, CERT-4, CERT-7, CSI-1.
# kernels: all
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

mkdir -p /mnt/s3 /mnt/reports
sed -i '/^\[cloudwatch-log\]/,$s/^enabled = true/enabled = false/' /etc/amazon/efs/s3files-utils.conf
succeed mount -t s3files "$FS_S3:/" /mnt/s3
succeed mount -t s3files -o "accesspoint=$AP_S3,nodirects3read" "$FS_S3:/" /mnt/reports
is_mounted /mnt/s3 || fail "no NFS mount"
equal "source (NFS-1)" "$(mount_source /mnt/s3)" 127.0.0.1:/
has_word "$(nfs_options /mnt/s3)" vers=4.2 || fail "not NFS 4.2: $(nfs_options /mnt/s3)"

echo "through S3 Files" >/mnt/s3/hello
equal "on the server" "$(cat "$WORLD/data/$FS_S3/hello")" "through S3 Files"
echo report >/mnt/reports/one
equal "owner on the access point" "$(stat -c %u /mnt/reports/one)" 1002

state="$STATE/$FS_S3.mnt.s3.$(mount_port /mnt/s3)"
grep -q '"service_type": *"s3files"' "$state" || fail "state: $(cat "$state")"
grep -q '"awsCredentialsMethod": *"metadata:"' "$state" || fail "not signed: $(cat "$state")"
[[ "$(tr '\0' ' ' <"/proc/$(tunnel_of /mnt/s3)/cmdline")" == *--tls*--no-direct-s3-read* ]] || fail "command line of the tunnel"
# Section 21: always a log.
[[ -s "/var/log/amazon/efs/${state##*/}.efs-proxy.log" ]] || fail "the tunnel has no log"

note "a dead tunnel is replaced, and the new certificate is signed for S3 Files: the server takes no other"
before="$(checksum "$state+/certificate.pem")"
old="$(tunnel_of /mnt/s3)"
rm "$state+/certificate.pem"  # CERT-7: renewed at once where it is missing
certificate_is_new() { [[ -s "$state+/certificate.pem" && "$(checksum "$state+/certificate.pem")" != "$before" ]]; }
eventually 20 certificate_is_new || fail "no new certificate"
kill -9 "$old"
eventually 20 tunnel_is_new /mnt/s3 "$old" || fail "no new tunnel"
equal "read after the restart" "$(timeout $((30 * SCALE)) cat /mnt/s3/hello)" "through S3 Files"

succeed efsctl status --json
says '"type": "s3files"'

note "refusals and the other type"
refuse 1 mount -t s3files -o az=us-east-1a "$FS_S3:/" /mnt/other
says 'Unsupported mount options detected: "az"'
refuse 1 mount -t s3files -o nfsvers=4.0 "$FS_S3:/" /mnt/other
says "NFSv4.0 is not supported"
mkdir -p /mnt/other
refuse 1 mount -t efs "use1-az1.$FS_S3.s3files.$REGION.on.aws:/" /mnt/other
says "mount it with -t s3files"

note "umount(8) calls umount.s3files, which ends the tunnel at once"
grep -q "helper=s3files" /run/mount/utab || fail "utab: $(cat /run/mount/utab)"
unmount /mnt/s3
[[ ! -e "$state" ]] || fail "the state is still there after umount"
unmount /mnt/reports
all_cleared
