# shellcheck shell=sh
# When all packages have come and gone. First installation: the unit is enabled and started. Upgrade: a watchdog that
# runs is started anew; one that was stopped or disabled stays so.
unit=amazon-efs-mount-watchdog.service
action=try-restart
if [ -e /run/efsmount-install/first ]; then
  action=start
  if command -v systemctl >/dev/null; then systemctl enable "$unit" >/dev/null 2>&1 || :; fi
fi
rm -rf /run/efsmount-install
if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null 2>&1 || :
  systemctl "$action" "$unit" >/dev/null 2>&1 || :
fi
