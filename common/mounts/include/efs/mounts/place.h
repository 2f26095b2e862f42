// Where a path leads, looked at by a child with a deadline: each look at a path can wait for a
// silent NFS server, a FUSE daemon or an automount, killably and for ever, and a signal that has a
// handler does not end such a wait.
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::mounts {

// The canonical path of a directory. kNotFound; errno ENOTDIR: no directory; kTimeout: no answer.
Result<std::string> directoryAt(const std::string& path, Duration patience);

}  // namespace efs::mounts
