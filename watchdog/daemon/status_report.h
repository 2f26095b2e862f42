// What the watchdog tells efsctl: from records to words. Pure; it asks the kernel nothing.
#pragma once

#include "efs/tunnel_control/watchdog_status.h"
#include "supervisor.h"

namespace efs::watchdog {

// `version` and `idle` are left to the daemon.
tunnel_control::WatchdogStatus reportStatus(const Supervisor& supervisor);

}  // namespace efs::watchdog
