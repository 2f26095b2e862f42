#!/usr/bin/env bash
# Options that chose stunnel: with tls they are served by our tunnel, which asks about revocation;
# without tls there is no tunnel, no port, no state, just NFS from the mount target's name.
# Contract: MODE-1, MODE-2, 3.2 stunnel, 3.2 ocsp, 3.2 noocsp.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"

note "stunnel and ocsp with tls"
mount_efs tls,stunnel,ocsp "$FS:/" /mnt/checked
equal "source" "$(mount_source /mnt/checked)" 127.0.0.1:/
equal "OCSPaia" "$(grep -h OCSPaia "$STATE"/stunnel-config.*)" "OCSPaia = yes"
grep -q 'option stunnel: served by efs-proxy' /var/log/amazon/efs/mount.log || fail "not said in the log"
succeed touch /mnt/checked/by-checked-tunnel
unmount /mnt/checked
all_cleared

note "the configuration asks for it, noocsp forbids it"
efs_setting stunnel_check_cert_validity true
mount_efs tls,noocsp "$FS:/" /mnt/unchecked
! grep -q OCSPaia "$STATE"/stunnel-config.* || fail "noocsp was not heard"
unmount /mnt/unchecked
all_cleared
efs_setting stunnel_check_cert_validity false

# is_direct DIRECTORY: mounted from the target's own name, without anything of ours.
is_direct() {
  is_mounted "$1" || fail "$1 is not mounted"
  equal "source" "$(mount_source "$1")" "${REGION}a.$DNS_NAME:/"
  equal "port" "$(mount_port "$1")" ""
  equal "address" "$(nfs_options "$1" | tr , '\n' | sed -n 's/^addr=//p')" "$TARGET_A"
  [[ -z "$(tunnels)$(state_files)$(our_ports)" ]] || fail "there is a tunnel: $(tunnels) $(state_files) $(our_ports)"
  equal "what the tunnel mounted" "$([[ -e "$1/by-checked-tunnel" ]] && echo there)" there
}
for option in stunnel ocsp notunnel; do
  note "$option without tls"
  mount_efs "$option,_netdev" "$FS:/" /mnt/direct
  is_direct /mnt/direct
  note "remount keeps it so"
  succeed mount -o remount,ro,"$option" -t efs "$FS:/" /mnt/direct
  has_word "$(mount_flags /mnt/direct)" ro || fail "not read-only after the remount"
  is_direct /mnt/direct
  unmount /mnt/direct
  nothing_left 0
done
refuse 1 mount -t efs -o tls,notunnel "$FS:/" /mnt/direct
says "mutually exclusive"
