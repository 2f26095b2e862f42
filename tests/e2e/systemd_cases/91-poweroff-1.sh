#!/usr/bin/env bash
# Boot 1 ends with an orderly poweroff that unmounts without hanging. Judged from outside, by
# tests/testbed/systemd.sh: the guest cannot report any more.
