// What --help says.
#pragma once

#include <string>

namespace efs::mount_helper {

// Usage, and each option of efs as the table of options has it.
std::string helpText(const std::string& program);

}  // namespace efs::mount_helper
