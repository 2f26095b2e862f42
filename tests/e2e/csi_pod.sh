#!/bin/bash
# csi_pod.sh NODE KUBELET IMAGE REGION THREADS: the container runtime of csi.sh. Runs as pid 1 of new
# mount, pid and ipc namespaces, gives them a root of their own with the driver's volumes, does what the
# driver does before it serves, and becomes the driver.
node=$1 kubelet=$2 image=$3 region=$4 threads=$5
set -e
container="$node/container"
mkdir -p "$container"
mount -t tmpfs container "$container"
mkdir "$container"/{upper,work,root}
mount -t overlay -o "lowerdir=$image,upperdir=$container/upper,workdir=$container/work" overlay "$container/root"
cd "$container/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 dev dev
for device in null zero full random urandom; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir -p run/efs var/amazon/efs
mount --rbind "$kubelet" "./$kubelet"  # the same path as on the node, mounts go both ways
mount --bind /run/efs run/efs
mount --bind "$node/amazon-efs" var/amazon/efs
mount --bind "$node/csi" csi
mount --bind /var/log/amazon/efs var/log/amazon/efs
cat /etc/resolv.conf >etc/resolv.conf
cat /etc/ssl/certs/ca-certificates.crt >etc/ssl/certs/ca-certificates.crt
# CSI-7: an empty /etc/amazon becomes a link into the node; what the image brings is copied there,
# efs-utils.crt at each start. CSI-8: so is the configuration, from the driver's template.
ln -s /var/amazon/efs etc/amazon/efs
cp -f /etc/amazon/efs/efs-utils.crt var/amazon/efs/
sed -e "s|^#* *region *=.*|region = $region|" -e 's|^#* *source *=.*|source = k8s|' \
  -e 's|^port_range_upper_bound *=.*|port_range_upper_bound = 21049|' \
  /etc/amazon/efs/efs-utils.conf >var/amazon/efs/efs-utils.conf
sed -e "s|^#* *region *=.*|region = $region|" /etc/amazon/efs/s3files-utils.conf >var/amazon/efs/s3files-utils.conf
# CSI-9
sed -i '/libwrap = no/d' run/efs/stunnel-config.* 2>/dev/null || true
# Not pivot_root: the root of an initramfs cannot be pivoted. Who enters the mount namespace later finds
# the same root.
mount --move . /
exec chroot . env -i PATH=/usr/bin HOME=/root AWS_DEFAULT_REGION="$region" \
  aws-efs-csi-driver serve /csi/csi.sock /csi/watchdog.events "$threads"
