# shellcheck shell=bash
# The simulator's configuration and its control socket (tests/simulator/README.md). Sourced.

# The keys of profile "backup" (case iam-profile).
# shellcheck disable=SC2034  # used by whoever sources this
PROFILE_KEY=AKIAPROFILEBACKUP000
PROFILE_SECRET=profile/secret+with=signs0000000000000000

# simulator_config: prints the configuration of the world in facts.sh.
simulator_config() {
  cat <<JSON
{
  "work_dir": "$WORLD/sim",
  "region": "$REGION",
  "dns": { "listen": "$VPC_DNS:53" },
  "imds": { "listen": "$IMDS_ADDRESS:80", "instance_id": "i-0123456789abcdef0",
            "az": "${REGION}a", "az_id": "use1-az1", "role": "efs-client" },
  "credentials": { "listen": "$CONTAINER_ADDRESS:80", "pod_token": "pod-token", "pod_role": "efs-client",
                   "web_identity_token": "web.identity.token", "sso_token": "sso-token" },
  "identities": [
    { "access_key_id": "ASIAINSTANCEROLE0000", "secret_access_key": "role/secret+with=signs000000000000000000",
      "session_token": "token/of+the=role", "arn": "arn:aws:sts::123456789012:assumed-role/efs-client/i-0123456789abcdef0",
      "role": "efs-client" },
    { "access_key_id": "$PROFILE_KEY", "secret_access_key": "$PROFILE_SECRET",
      "arn": "arn:aws:iam::123456789012:user/backup" }
  ],
  "file_systems": [
    { "id": "$FS", "data": "$WORLD/data/$FS",
      "mount_targets": [
        { "az": "${REGION}a", "az_id": "use1-az1", "ip": "$TARGET_A" },
        { "az": "${REGION}b", "az_id": "use1-az2", "ip": "$TARGET_B" },
        { "az": "${REGION}c", "az_id": "use1-az3", "ip": "$TARGET_C" } ],
      "partitions": { "count": 2, "bytes_per_sec": 50000 },
      "access_points": [
        { "id": "$AP_WEB", "path": "/web-content", "uid": 1000, "gid": 1000, "mode": "0755" },
        { "id": "$AP_SHARED", "path": "/shared-data", "uid": 1001, "gid": 1001, "mode": "0750" } ] },
    { "id": "$FS_CLOSED", "data": "$WORLD/data/$FS_CLOSED",
      "mount_targets": [ { "az": "${REGION}a", "az_id": "use1-az1", "ip": "$TARGET_CLOSED" } ],
      "policy": { "require_tls": true, "require_iam": true } },
    { "id": "$FS_SEPARATE", "data": "$WORLD/data/$FS_SEPARATE", "separate_state": true,
      "mount_targets": [
        { "az": "${REGION}a", "az_id": "use1-az1", "ip": "$TARGET_SEPARATE_A" },
        { "az": "${REGION}b", "az_id": "use1-az2", "ip": "$TARGET_SEPARATE_B" } ] },
    { "id": "$FS_S3", "kind": "s3files", "data": "$WORLD/data/$FS_S3",
      "mount_targets": [
        { "az": "${REGION}a", "az_id": "use1-az1", "ip": "$TARGET_S3_A" },
        { "az": "${REGION}b", "az_id": "use1-az2", "ip": "$TARGET_S3_B" } ],
      "access_points": [ { "id": "$AP_S3", "path": "/reports", "uid": 1002, "gid": 1002, "mode": "0755" } ] }
  ]
}
JSON
}

# simulator_control WORD...: one command; fails when the simulator refuses it.
simulator_control() { timeout 20 efs-simulator ctl "$WORLD/sim/control.sock" "$@"; }

# simulator_reset: it behaves again.
simulator_reset() {
  local zone command
  simulator_control target "$FS" "${REGION}a" move "$TARGET_A"
  for zone in a b c; do simulator_control target "$FS" "$REGION$zone" ok; done
  for command in "target $FS_CLOSED ${REGION}a ok" "target $FS_SEPARATE ${REGION}a ok" "target $FS_S3 ${REGION}a ok" "cert ok" "tls handshake-stall off" "dns ok" "imds ok" \
    "deny $FS off" "clock 0" "strict-skew off"; do
    # shellcheck disable=SC2086  # words
    simulator_control $command
  done
}
