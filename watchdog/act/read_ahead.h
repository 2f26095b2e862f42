// WD-12: read_ahead_kb of a mount, which others write soon after it was made, is put right.
#pragma once

#include "mounts/context.h"

namespace efs::watchdog {

// A file of sysfs, found by the table's device: the mount itself is not touched.
void checkReadAhead(const MountRecord& mount, Context& context);

}  // namespace efs::watchdog
