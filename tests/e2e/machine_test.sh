#!/usr/bin/env bash
# machine_test.sh RESULTS COMMAND...: forgets old verdicts, then runs the machine.
# EFS_MACHINE_AHEAD=run: ahead of the tests that read its verdicts. A later call with EFS_MACHINE_AHEAD=ran takes
# what came of that and runs none.
set -u
AHEAD=$1.ahead
if [[ ${EFS_MACHINE_AHEAD:-} == ran && -s $AHEAD ]]; then
  status=$(<"$AHEAD")
  rm "$AHEAD"
  tail -n 20 "$1/console.log"
  exit "$status"
fi
rm -rf "$1" "$AHEAD"
mkdir -p "$1"
shift
[[ ${EFS_MACHINE_AHEAD:-} == run ]] || exec "$@"
# For who ends us by force (ctest's limit): no second run that takes as long and may hide it.
echo 1 >"$AHEAD"
status=0
"$@" || status=$?
echo "$status" >"$AHEAD"
exit "$status"
