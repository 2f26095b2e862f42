// Who keeps a mount busy: what an error message needs to be of use.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "efs/base/clock.h"

namespace efs::mount_helper {

// "bash(123)", at most five, then "..."; empty when none is found within `patience`. Looks only at
// /proc (cwd, root, exe, fd), never at the mount, and in a killable child: a look at a stuck
// process may wait.
std::string describeHolders(const std::string& mountpoint, Duration patience);

}  // namespace efs::mount_helper
