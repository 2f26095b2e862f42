// Policy of decide() by the configuration. Pure.
#pragma once

#include "efs/settings/settings.h"
#include "judge/decide.h"

namespace efs::watchdog {

// For every mount of this host. Where a tunnel has no counters, hangs are judged by
// health_check_timeout instead (Supervisor).
Policy policyOf(const settings::Settings& settings);

}  // namespace efs::watchdog
