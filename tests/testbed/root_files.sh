# shellcheck shell=bash
# Filling a root file system for a guest from the files of this machine. Sourced; needs lib.sh.

# put_tree ROOT: the merged-/usr layout every file below goes into.
put_tree() {
  local root=$1 name
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev,proc,sys,tmp,run,mnt,etc,root,var/lib}
  for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$root/$name"; done
  ln -sfn /run "$root/var/run"
}

# put_binary ROOT FILE...: programs or shared objects with every library the loader would open.
put_binary() {
  local root=$1 file
  for file in "${@:2}"; do
    [[ -e "$file" ]] || die "the guest needs $file, which this machine does not have"
    install -D -m 755 "$(readlink -f "$file")" "$root$(merged "$file")"
  done
  put_libraries "$@"
}
# put_libraries ROOT FILE...: only the libraries. One ldd for all: it is the slowest step of the image.
put_libraries() {
  local root=$1 library
  while read -r library; do
    [[ -e "$root$(merged "$library")" ]] ||
      install -D -m 755 "$(readlink -f "$library")" "$root$(merged "$library")"
  done < <(ldd "${@:2}" 2>/dev/null | grep -oE '/[^ :]+\.so[^ :]*' | sort -u)
}
merged() {
  case $1 in
    /bin/* | /sbin/* | /lib/* | /lib64/*) printf '/usr%s' "$1" ;;
    *) printf '%s' "$1" ;;
  esac
}

# put_programs ROOT NAME...: programs found on this machine's PATH.
put_programs() {
  local root=$1 name path files=()
  shift
  for name in "$@"; do
    path="$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$name")" || die "the guest needs the program $name"
    files+=("$path")
  done
  put_binary "$root" "${files[@]}"
}

# put_busybox ROOT: busybox, and a link for each of its applets that ROOT does not have for real.
put_busybox() {
  local root=$1 applet
  install -m 755 /bin/busybox "$root/usr/bin/busybox"
  while read -r applet; do
    [[ -e "$root/usr/bin/$applet" || -e "$root/usr/sbin/$applet" ]] || ln -s busybox "$root/usr/bin/$applet"
  done < <(/bin/busybox --list)
}

# put_ganesha ROOT: the NFS server with its plug-ins, and the files it refuses to start without.
put_ganesha() {
  local root=$1
  put_programs "$root" ganesha.nfsd
  put_binary "$root" /usr/lib/ganesha/libganesha_nfsd.so* /usr/lib/*/ganesha/libfsal*.so \
    /usr/lib/*/libnfsidmap/*.so
  cp /etc/netconfig "$root/etc/"
  printf '[General]\nDomain = localdomain\n[Mapping]\nNobody-User = nobody\nNobody-Group = nogroup\n' \
    >"$root/etc/idmapd.conf"
  mkdir -p "$root/var/lib/nfs/ganesha"
}

# put_project ROOT BIN [without-libraries]: the programs under test where a package would install them,
# and below /efsmount what the tests need of the source tree. A root that is a whole Debian brings its
# own libraries.
put_project() {
  local root=$1 bin=$2 PUT_LIBRARIES=${3:-with-libraries}
  put_program "$root" "$bin/mount.efs" /usr/sbin
  put_program "$root" "$bin/umount.efs" /usr/sbin
  put_program "$root" "$bin/mount.s3files" /usr/sbin
  put_program "$root" "$bin/umount.s3files" /usr/sbin
  put_program "$root" "$bin/efs-proxy" /usr/bin
  put_program "$root" "$bin/amazon-efs-mount-watchdog" /usr/bin
  put_program "$root" "$bin/efs-log-writer" /usr/bin
  put_program "$root" "$bin/efsctl" /usr/bin
  if [[ $PUT_LIBRARIES == with-libraries ]]; then
    put_binary "$root" /usr/lib/*/libcurl.so.4  # opened when needed, so ldd does not know it
  fi
  put_tests "$root" "$bin" "$PUT_LIBRARIES"
}
# put_tests ROOT BIN [without-libraries]: only the simulator and the tests.
put_tests() {
  local root=$1 bin=$2 PUT_LIBRARIES=${3:-with-libraries} folder
  put_program "$root" "$bin/efs-simulator" /usr/bin
  put_program "$root" "$bin/io-witness" /usr/bin
  put_program "$root" "$bin/csi-driver" /usr/bin
  for folder in tests/testbed tests/e2e config systemd; do
    [[ -d "$SOURCE/$folder" ]] || continue
    mkdir -p "$root/efsmount/$folder"
    cp -r "$SOURCE/$folder/." "$root/efsmount/$folder/"
  done
}
# put_program ROOT FILE FOLDER: a program that may not be part of this build.
put_program() {
  [[ -e "$2" ]] || return 0
  install -D -m 755 "$2" "$1$3/${2##*/}"
  [[ $PUT_LIBRARIES != with-libraries ]] || put_libraries "$1" "$2"
}

# pack_cpio ROOT FILE: uncompressed; unpacking in an emulated guest costs more than reading.
pack_cpio() {
  (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null --quiet -o -H newc -R 0:0) >"$2"
}
