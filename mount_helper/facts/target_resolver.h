// Which DNS name leads to the mount target (contract section 8).
//
// The name in our own availability zone is tried first: it avoids cross-AZ latency and cost even
// where the resolver in use would answer the regional name for another zone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/settings/settings.h"
#include "facts/mount_facts.h"

namespace efs::mount_helper {

// Contract DNS-1: fills {az} (for S3 Files {az_id}), {fs_id}, {region} and {dns_name_suffix} of
// dns_name_format. A zone of nullopt removes its placeholder with its dot. Unknown or missing
// placeholders are errors that name the config key.
Result<std::string> formatDnsName(const settings::MountSettings& settings, const std::string& fs_id,
                                  const std::string& region,
                                  const std::optional<std::string>& zone);

// Gives the addresses of a name as text; kNotFound when there is none.
using ResolveName = std::function<Result<std::vector<std::string>>(const std::string& name)>;

struct TargetQuestion {
  std::string fs_id;
  std::string region;
  std::optional<std::string> wanted_az;           // the user's choice: no other is tried
  std::optional<std::string> own_az;              // where we run, if known
  std::optional<std::string> cross_account = {};  // DNS-3: this zone id stands before the name
  std::optional<std::string> zone_id = {};        // S3 Files: the name is that of this zone
};

// One name to try.
struct NameCandidate {
  std::string name;
  std::optional<std::string> az;
};
// In the order in which they are tried.
Result<std::vector<NameCandidate>> nameCandidates(const TargetQuestion& question,
                                                  const settings::MountSettings& settings);

// Tries each candidate and logs it with its result and time. The resolver asks names absolutely, so
// that DNS-4's second try with a trailing dot is every name's first. The error names every name
// tried with its result and contains `Failed to resolve "` (DNS-7).
Result<MountTarget> findMountTarget(const TargetQuestion& question,
                                    const settings::MountSettings& settings,
                                    const ResolveName& resolve, const Clock& clock);

}  // namespace efs::mount_helper
