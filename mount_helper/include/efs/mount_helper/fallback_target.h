// The mount target where DNS has no answer: by its address, which the user gave (DNS-5) or the EFS
// API tells (DNS-6). Pure but for its edges, which are arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "efs/aws/mount_targets.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

// A zone by its two names; empty = unknown. Ids are the same for every account, names are not.
struct Zone {
  std::string name;
  std::string id;
  bool known() const { return !name.empty() || !id.empty(); }
};

enum class Closeness { kOwnZone, kOtherZone, kUnknown };
struct TargetChoice {
  aws::MountTargetRecord record;
  Closeness closeness;
};

// The available targets, best first: those of our own zone, then the others. With `wanted` only
// that zone's, whose closeness is not judged. Where our zone is not known all are equal, and the
// caller shuffles them.
std::vector<TargetChoice> orderTargets(const std::vector<aws::MountTargetRecord>& records,
                                       const Zone& wanted, const Zone& own);

// Says whether an address can be reached (reachTarget() below, in the right network namespace).
using ReachAddress = std::function<Status(const std::string& ip)>;

// DNS-5: up to 3 tries of 2 s while the address is silent, 0.5 s apart; other failures at once. The
// error contains "Cannot connect to file system mount target ip address".
Status reachTarget(const std::string& ip);

// The first address that can be reached, in the order given. Each try is logged with its time; the
// error names all of them.
Result<std::string> firstReachable(const std::vector<std::string>& ips, const ReachAddress& reach,
                                   const Clock& clock);

struct FallbackEdges {
  std::function<Result<std::vector<aws::MountTargetRecord>>()> describe_targets;
  std::function<Result<std::string>(const std::string& zone_name)> zone_id_of;
  std::function<Zone()> own_zone;  // asked only without a wanted zone
  ReachAddress reach;
};
// DNS-6: asks the API and returns the first target that can be reached. A target outside our own
// zone is taken last, with a warning that names cost and latency; outside `wanted_az` never.
Result<aws::MountTargetRecord> findByApi(const std::string& fs_id,
                                         const std::optional<std::string>& wanted_az,
                                         const FallbackEdges& edges, const Clock& clock);

}  // namespace efs::mount_helper
