// The local cache of mount option fsc (FS-Cache): without a cache on the host the option does
// nothing, and nobody says so.
#pragma once

#include <string>

#include "efs/mounts/mount_options.h"

namespace efs::mount_helper {

// What to tell whoever mounts; empty where fsc is not wanted or a cache is there. `proc` and `run`
// stand for /proc and /run.
std::string missingCacheNotice(const mounts::OptionList& options, const std::string& proc = "/proc",
                               const std::string& run = "/run");

}  // namespace efs::mount_helper
