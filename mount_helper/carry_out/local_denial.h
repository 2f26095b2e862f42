// EPERM of mount(2) after the server has let us look at its root: this host forbids the mount, not
// the file system's policy. Which part of it, as far as /proc/self/status tells. Pure.
#pragma once

#include <string_view>

#include "efs/base/error.h"

namespace efs::mount_helper {

// `process_status`: text of /proc/self/status; empty: unknown.
Error localDenial(const Error& cause, std::string_view process_status);

}  // namespace efs::mount_helper
