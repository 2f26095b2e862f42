// What the watchdog tells efsctl: from records to words. Pure; it asks the kernel nothing.
#pragma once

#include "efs/tunnel_control/watchdog_status.h"
#include "mounts/mount_record.h"
#include "observe/mount_view.h"

namespace efs::watchdog {

// `version` and `idle` are left to the daemon.
tunnel_control::WatchdogStatus reportStatus(const Records& records, const MountView& view);

}  // namespace efs::watchdog
