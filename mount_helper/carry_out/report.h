// The line about a mount's outcome in CloudWatch Logs (contract section 20).
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/settings/settings.h"
#include "facts/fact_finder.h"

namespace efs::mount_helper {

// Does nothing unless [cloudwatch-log] is enabled. Works in a child process, which is killed after
// `patience`: the service can neither fail nor hold up a mount. Trouble is for the log.
void reportToCloudWatch(FactFinder& facts, const settings::Settings& settings,
                        const std::string& fs_id, const std::string& line,
                        Duration patience = Duration(1000));

}  // namespace efs::mount_helper
