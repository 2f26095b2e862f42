// Opening a directory by a path that may lead through places of others. Private to the library.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs {

// Goes from "/" downwards by descriptors. Each directory and each symbolic link on the way must
// belong to root or to us; missing directories are made (0755). kPermission names what does not
// fit. The descriptor is for *at() calls only (O_PATH).
Result<UniqueFd> openSafeDirectory(const std::string& path);

}  // namespace efs
