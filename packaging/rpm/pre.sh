# shellcheck shell=sh
# The user that the tunnels run as; and whether this package is new here.
getent passwd efs >/dev/null ||
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /sbin/nologin efs || :
mkdir -p /run/efsmount-install
if [ "$1" = 1 ]; then
  : >/run/efsmount-install/first
fi
