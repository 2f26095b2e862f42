// What the daemon sets for itself before its loop runs.
#pragma once

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::watchdog {

// SIGTERM, SIGINT and SIGHUP are blocked and come through this signalfd, non-blocking; SIGPIPE is
// ignored.
Result<UniqueFd> openSignals();

// Two descriptors per mount: the usual soft limit of 1024 would end at 500 mounts. Told when it
// stays.
void raiseDescriptorLimit();

}  // namespace efs::watchdog
