#!/usr/bin/env bash
# A kernel's session over five connections of one partition: calls on each, what belongs to the first on it alone,
# every byte verified by fio while the tunnel is killed and a connection is cut. Contract: TUN-12, WD-6, TUN-9.
# shellcheck source=tests/e2e/lib.sh
. "$E2E/lib.sh"
# shellcheck source=tests/e2e/several.sh
. "$E2E/several.sh"

several_mount
verify_start
five_again
equal "partitions in use" "$(several_partitions)" 1
equal "connections that carried what belongs to the first" "$(first_only)" 1
before="$(tunnel_of /mnt/efs)"
elsewhere
kill -KILL "$before"
eventually 20 tunnel_is_new /mnt/efs "$before" || fail "no new tunnel after 20 s"
five_again
tunnel="$(tunnel_of /mnt/efs)"
fault target "$FS" "${REGION}a" cut
five_again
equal "tunnel" "$(tunnel_of /mnt/efs)" "$tunnel"
equal "partitions in use" "$(several_partitions)" 1
verify_stop
unmount /mnt/efs
all_cleared
