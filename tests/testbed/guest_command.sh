# shellcheck shell=bash
# The hand-over from the host to the place. Sourced.

# guest_command PLACE COMMAND [ARGUMENT...]: prints the script that the place runs: our EFS_ settings,
# then the command.
guest_command() {
  local name place=$1
  shift
  for name in "${!EFS_@}"; do
    case $name in
      EFS_PACKAGES_* | EFS_CACHE | EFS_APT_UPDATED | EFS_PLACE) ;;
      *) printf 'export %s=%q\n' "$name" "${!name}" ;;
    esac
  done
  printf 'export EFS_PLACE=%q EFS_RESULTS=/run/results\n' "$place"
  # shellcheck disable=SC2016  # expanded there, not here
  printf 'mkdir -p "$EFS_RESULTS"\ncd /efsmount\n'
  printf '%q ' "$@"
  printf '\n'
}
