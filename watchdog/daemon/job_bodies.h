// What the children of jobs do.
#pragma once

#include "repair/remount.h"
#include "tools/jobs.h"

namespace efs::watchdog {

// In the child. Of RemoveFiles, RemountPlan and the clearing of staged mounts every step goes
// through these tools; the other requests ask the network and the kernel themselves.
Result<std::string> runJob(const JobRequest& request, const RemountTools& tools);

}  // namespace efs::watchdog
