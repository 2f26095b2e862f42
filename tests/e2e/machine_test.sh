#!/usr/bin/env bash
# machine_test.sh RESULTS COMMAND...: forgets old verdicts, then runs the machine.
set -u
rm -rf "$1"
mkdir -p "$1"
shift
exec "$@"
