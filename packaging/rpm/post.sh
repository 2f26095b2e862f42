# shellcheck shell=sh
# Starting is left to %posttrans: the package whose place this one takes stops our unit after this.
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null 2>&1 || :; fi
