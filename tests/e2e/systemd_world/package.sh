# shellcheck shell=bash
# For cases that install and remove the package in the living guest. Sourced after lib.sh.

# dpkg_job WORDS...: dpkg, its Perl helpers and systemd's generators are slow where a processor is emulated.
dpkg_job() {
  note "dpkg $*"
  OUTPUT="$(timeout $((90 * ${EFS_TIME_SCALE:-1})) dpkg --force-confold "$@" 2>&1 </dev/null)" ||
    fail "dpkg $* ended with $?: $OUTPUT"
}

# install_package: and then this world's authority and settings instead of the package's.
install_package() {
  dpkg_job --install /efsmount/package/efsmount.deb
  local EFS_TREE=/efsmount
  # shellcheck source=tests/e2e/client_config.sh
  . "$E2E/client_config.sh"
  client_config
}
