// What --help says.
#pragma once

#include <string>

namespace efs::mount_helper {

// Usage, and each option of the kind that this program mounts as the table of options has it.
std::string helpText(const std::string& program);

}  // namespace efs::mount_helper
