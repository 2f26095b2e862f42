#!/usr/bin/env bash
# The first run on real AWS: makes a file system in two zones, goes through what efsmount promises, writes one
# report without secrets, and removes all that it made. See README.md.
# shellcheck disable=SC2016  # words for `bash -c` and for queries of aws
set -uo pipefail

usage() {
  cat <<'USAGE'
usage: first-run.sh --vpc VPC --subnets SUBNET,SUBNET --group SECURITY-GROUP [options]

  --region REGION   default: that of the aws command
  --report FILE     default: efs-first-run.md
  --yes             does not ask
  --rehearse AWS    another program in the place of aws
USAGE
}

vpc="" subnets="" group="" region="" report=efs-first-run.md yes="" aws=aws
while (($#)); do
  case $1 in
    --vpc) vpc=${2:-}; shift ;;
    --subnets) subnets=${2:-}; shift ;;
    --group) group=${2:-}; shift ;;
    --region) region=${2:-}; shift ;;
    --report) report=${2:-}; shift ;;
    --rehearse) aws=${2:-}; shift ;;
    --yes) yes=1 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "first-run.sh: unknown word $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[[ -n $vpc && -n $group && $subnets == *,* ]] || { usage >&2; exit 2; }
[[ $EUID -eq 0 ]] || { echo "first-run.sh: mounting needs root" >&2; exit 2; }
for program in "$aws" mount.efs efsctl; do
  command -v "$program" >/dev/null || { echo "first-run.sh: $program is not installed" >&2; exit 2; }
done
[[ -z $region ]] || export AWS_DEFAULT_REGION=$region

work="$(mktemp -d)"
fs="" policy="" made_targets=() made_points=() left=() failed=0
point="$work/mount"
mkdir "$point" "$work/second"

say() { printf '%s\n' "$*"; }
efs() { "$aws" efs "$@" --output text; }

# row NAME EXPECTED-CODE COMMAND...: one line of the report; the output goes below it. True: as expected.
row() {
  local name=$1 wanted=$2 status=0 verdict=ok
  shift 2
  timeout 180 "$@" >"$work/out" 2>&1 </dev/null || status=$?
  [[ $status -eq $wanted ]] || { verdict=FAILED; failed=$((failed + 1)); }
  say "$verdict: $name"
  { printf '\n## %s: %s\n\nended with %s\n\n' "$name" "$verdict" "$status"; sed 's/^/    /' "$work/out"; } >>"$work/report"
  [[ $verdict == ok ]]
}
# fact NAME TEXT: something that only AWS can tell.
fact() { printf '\n## %s\n\n    %s\n' "$1" "${2:-nothing was found}" >>"$work/report"; }

# No account, no key, no token.
clean() { sed -E 's/\b[0-9]{12}\b/111122223333/g; s/\b(AKIA|ASIA)[A-Z0-9]{12,}/\1.../g; s/(token|secret|password)([" =:]+)[^ ",]+/\1\2.../gI' "$1"; }

# shellcheck disable=SC2317  # by trap
remove() {
  trap - EXIT INT TERM
  say "removing what was made"
  umount -f -l "$point" "$work/second" 2>/dev/null
  [[ -z $policy ]] || efs delete-file-system-policy --file-system-id "$fs" >/dev/null || left+=("the policy of $fs")
  local one
  for one in "${made_points[@]}"; do efs delete-access-point --access-point-id "$one" >/dev/null || left+=("$one"); done
  for one in "${made_targets[@]}"; do efs delete-mount-target --mount-target-id "$one" >/dev/null || left+=("$one"); done
  if [[ -n $fs ]]; then
    for _ in {1..60}; do
      [[ $(efs describe-mount-targets --file-system-id "$fs" --query 'length(MountTargets)') != 0 ]] || break
      sleep 5
    done
    efs delete-file-system --file-system-id "$fs" >/dev/null || left+=("$fs")
  fi
  if [[ -f $work/report ]]; then
    clean "$work/report" >"$report"
    say "report: $report"
  fi
  rm -rf --one-file-system "$work"
  [[ ${#left[@]} -eq 0 ]] || { say "NOT REMOVED, look in the console: ${left[*]}"; exit 1; }
  [[ $failed -eq 0 ]] || { say "$failed rows failed"; exit 1; }
  say "all rows are ok, everything is removed"
}

say "This will create in $vpc (${AWS_DEFAULT_REGION:-the default region}): one EFS file system, mount targets in ${subnets//,/ and },"
say "two access points and a policy; a few cents while it runs, about five minutes. All of it is removed at the end."
if [[ -z $yes ]]; then
  read -r -p "Go on? (yes/no) " answer
  [[ $answer == yes ]] || { rm -rf "$work"; exit 2; }
fi
trap remove EXIT
trap 'exit 130' INT TERM

create() {
  fs=$(efs create-file-system --encrypted --throughput-mode elastic --query FileSystemId) || return 1
  for _ in {1..60}; do
    [[ $(efs describe-file-systems --file-system-id "$fs" --query 'FileSystems[0].LifeCycleState') != available ]] || break
    sleep 2
  done
  local subnet id
  for subnet in ${subnets//,/ }; do
    id=$(efs create-mount-target --file-system-id "$fs" --subnet-id "$subnet" --security-groups "$group" --query MountTargetId) || return 1
    made_targets+=("$id")
  done
  for id in 1000:/first-run-a 1001:/first-run-b; do
    id=$(efs create-access-point --file-system-id "$fs" --posix-user "Uid=${id%:*},Gid=${id%:*}" --query AccessPointId \
      --root-directory "Path=${id#*:},CreationInfo={OwnerUid=${id%:*},OwnerGid=${id%:*},Permissions=0750}") || return 1
    made_points+=("$id")
  done
  for _ in {1..60}; do
    [[ $(efs describe-mount-targets --file-system-id "$fs" --query 'length(MountTargets[?LifeCycleState!=`available`])') != 0 ]] || return 0
    sleep 5
  done
}
set_policy() { # JSON of the statements
  policy=1
  efs put-file-system-policy --file-system-id "$fs" --policy "{\"Version\":\"2012-10-17\",\"Statement\":$1}" >/dev/null
}

# mounted NAME OPTIONS DEVICE: a mount that works: a file goes there and comes back.
mounted() {
  row "mount: $1" 0 mount.efs "$3" "$point" -o "$2" || return
  row "read and write: $1" 0 bash -c 'head -c 1M /dev/urandom >"$0/file" && cp "$0/file" "$1/copy" &&
    [[ "$(sha256sum <"$0/file")" == "$(sha256sum <"$1/copy")" ]] && rm "$0/file"' \
    "$point" "$work"
  fact "state of: $1" "$(efsctl status --json "$point" | grep -E '"(state|cipher|server_address|availability_zone)"' | tr -d '\n')"
  row "unmount: $1" 0 umount "$point"
}

say "creating"
printf '# First run on AWS, %s\n\n%s, %s\n' "$(date -u +%FT%TZ)" "$(efsctl --version)" "$(uname -sr)" >"$work/report"
create || { say "creation failed"; failed=1; exit 1; }
say "made $fs: ${made_targets[*]} ${made_points[*]}"
export EFSMOUNT_DEFAULT_LOGGING_LEVEL=debug
log=/var/log/amazon/efs/mount.log
account_arn=$(efs describe-file-systems --file-system-id "$fs" --query 'FileSystems[0].FileSystemArn')
read -ra addresses <<<"$(efs describe-mount-targets --file-system-id "$fs" --query 'MountTargets[].IpAddress')"
read -ra zones <<<"$(efs describe-mount-targets --file-system-id "$fs" --query 'MountTargets[].AvailabilityZoneName')"

row "doctor" 0 efsctl doctor -o tls "$fs:/"
mounted "TLS" tls "$fs:/"
mounted "without TLS" rw "$fs:/"
mounted "without a tunnel" notunnel "$fs:/"
mounted "IAM" tls,iam "$fs:/"
mounted "ARN" tls "$account_arn"
for id in "${made_points[@]}"; do mounted "access point $id" "tls,iam,accesspoint=$id" "$fs:/"; done
for zone in "${zones[@]}"; do mounted "zone $zone" "tls,az=$zone" "$fs:/"; done
for address in "${addresses[@]}"; do mounted "address $address" "tls,mounttargetip=$address" "$fs:/"; done
fact "server owners, one line for each mount above" "$(grep -o 'server owner .*' "$log" | sort | uniq -c | tr '\n' ';')"

# A lock taken through one zone's mount target must hold in the other's.
if [[ ${#zones[@]} -ge 2 ]]; then
  row "mount of zone ${zones[0]}" 0 mount.efs "$fs:/" "$point" -o "tls,az=${zones[0]}"
  row "mount of zone ${zones[1]}" 0 mount.efs "$fs:/" "$work/second" -o "tls,az=${zones[1]}"
  row "a lock holds in the other zone" 0 bash -c 'touch "$0/lock"; exec 9<>"$0/lock"; flock 9; ! flock -n "$1/lock" true' "$point" "$work/second"
  row "unmount of both" 0 umount "$point" "$work/second"
fi

EFSMOUNT_MOUNT_MAX_CONNECTIONS=5 mounted "five connections" tls "$fs:/"
row "OCSP (an answer, or a refusal that names the responder)" 0 bash -c 'mount.efs "$0" "$1" -o tls,ocsp && umount "$1" || true' "$fs:/" "$point"

row "unknown access point" 32 mount.efs "$fs:/" "$point" -o tls,iam,accesspoint=fsap-00000000000000bad
row "unknown file system" 1 mount.efs fs-0badbadbadbadbad0:/ "$point" -o tls
set_policy '[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["elasticfilesystem:ClientMount","elasticfilesystem:ClientWrite"],"Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws*:iam::*:*"}}}]'
row "anonymous, where the policy wants an identity" 32 mount.efs "$fs:/" "$point" -o tls
mounted "IAM under a policy" tls,iam "$fs:/"
