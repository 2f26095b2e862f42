// MountSession: carries out a mount step by step; whatever fails, everything before it is undone.
#pragma once

#include "carry_out/mount_context.h"
#include "carry_out/outcome.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// Also reports what came of it (section 20), unless there will be another attempt.
Outcome attemptMount(const MountRequest& request, const MountContext& context,
                     const MountAttempt& attempt);
// Whether `outcome` is not the end.
bool worthAnother(const MountAttempt& attempt, const Outcome& outcome);

}  // namespace efs::mount_helper
