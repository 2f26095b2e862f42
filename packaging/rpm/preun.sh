# shellcheck shell=sh
# Before removal the watchdog stops. Tunnels run on (KillMode=process): a mounted file system must not hang
# because its package goes.
if [ "$1" = 0 ]; then
  if [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now amazon-efs-mount-watchdog.service >/dev/null 2>&1 || :
  fi
  for state in /run/efs/fs-*; do
    if [ -f "$state" ]; then
      echo "efsmount: file systems are still mounted (/run/efs). Their tunnels keep running, but nothing" >&2
      echo "efsmount: replaces a tunnel that dies or renews its certificate. Unmount them." >&2
      break
    fi
  done
fi
