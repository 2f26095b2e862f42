// A mount from the user's point of view: attempted once, again for a while, or in the background
// (request/persistence.h). Each attempt is a MountSession of its own, which leaves nothing behind.
#pragma once

#include "carry_out/mount_context.h"
#include "carry_out/outcome.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// All of it, to the exit code; also `-o remount`.
Outcome mountWithRetries(const MountRequest& request, const MountContext& context);

}  // namespace efs::mount_helper
