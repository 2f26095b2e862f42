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

// What came of trying to connect to some addresses: of each the failure, if any, and its time.
struct ReachReport {
  struct Tried {
    std::string ip;
    std::optional<Error> failure;
    Duration took{0};
  };
  std::vector<Tried> tried;
  std::optional<std::string> winner;
};
// reachTargets() below, in the right network namespace. An error is only that the program shall
// stop.
using ReachAddresses = std::function<Result<ReachReport>(const std::vector<std::string>& ips)>;

// DNS-5: connects to port 2049, in the order given with 250 ms between two addresses (RFC 8305), so
// that a dead one costs no more. Up to 3 tries of 2 s while an address is silent, 0.5 s apart;
// other failures are final. They contain "Cannot connect to file system mount target ip address".
Result<ReachReport> reachTargets(const std::vector<std::string>& ips, const Clock& clock);

// The first address that can be reached. Each try is logged with its time; the error names all of
// them.
Result<std::string> firstReachable(const std::vector<std::string>& ips,
                                   const ReachAddresses& reach);

struct FallbackEdges {
  std::function<Result<std::vector<aws::MountTargetRecord>>()> describe_targets;
  std::function<Result<std::string>(const std::string& zone_name)> zone_id_of;
  std::function<Zone()> own_zone;  // asked only without a wanted zone
  ReachAddresses reach;
};
struct ApiTarget {
  aws::MountTargetRecord record;
  std::string address;  // the one of the record that was reached
};
// DNS-6: asks the API and returns the first target that can be reached: of equally close ones with
// both address families each, the first that answers. A target outside our own zone is taken last,
// with a warning that names cost and latency; outside `wanted_az` never.
Result<ApiTarget> findByApi(const std::string& fs_id, const std::optional<std::string>& wanted_az,
                            const FallbackEdges& edges, const Clock& clock);

}  // namespace efs::mount_helper
