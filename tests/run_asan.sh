#!/usr/bin/env bash
# run_asan.sh BUILD_DIR: the tests of the sanitizer build; 77 (skipped) when there is none.
[[ -e "$1/CTestTestfile.cmake" ]] || { echo "$1 is not built: ./test.sh builds it"; exit 77; }
# Most tests wait most of the time: two for each processor.
exec ctest --test-dir "$1" -j "$((2 * $(nproc)))" -L 'unit|fuzz|integration' --output-on-failure
