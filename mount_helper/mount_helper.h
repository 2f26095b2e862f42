// mount.efs as a function: main() and tests call it.
#pragma once

#include <string>
#include <vector>

namespace efs::mount_helper {

// Returns the exit code of contract section 7.
int runMountHelper(const std::vector<std::string>& argv);

}  // namespace efs::mount_helper
