// The log of mount.efs and umount.efs, which is one file.
#pragma once

#include <sys/types.h>

#include "efs/base/result.h"
#include "efs/settings/settings.h"

namespace efs::mount_helper {

// Its error is no reason not to mount, or to stay mounted: a full or read-only disk, a state
// directory that cannot be made.
Status openHelperLog(const settings::LogSettings& settings, mode_t state_dir_mode);

}  // namespace efs::mount_helper
