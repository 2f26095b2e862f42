// Mount attempts: how often, how long, and what is said between them (contract NFS-4, NFS-5).
#pragma once

#include <functional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/settings/settings.h"

namespace efs::mount_helper {

struct AttemptRules {
  int count = 1;
  Duration patience{15000};  // of all attempts but the last
  Duration last{120000};
};
AttemptRules attemptRules(const settings::MountSettings& settings, Duration last);

// Until one succeeds, `again` says no, or the count is reached; pauses and prints to stderr in
// between. `what` names the mount in the log.
Status tryToMount(const AttemptRules& rules, const std::string& what,
                  const std::function<Status(Duration patience)>& attempt,
                  const std::function<bool(const Error&)>& again);

}  // namespace efs::mount_helper
