// `mount -f -v`: the plan and every check of efsctl, for the words of this mount.
#pragma once

#include "request/command_line.h"

namespace efs::mount_helper {

// Runs `efsctl explain` and `efsctl doctor`, which write to our standard output, and ends within
// half a minute. kFatal: a check fails, or efsctl is not installed.
int checkThoroughly(const CommandLine& command);

}  // namespace efs::mount_helper
