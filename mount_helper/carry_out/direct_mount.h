// A mount without a tunnel: plain NFS straight to the mount target (contract MODE-2, and option
// notunnel). There is no local port, no state file and nothing for the watchdog to do.
#pragma once

#include "carry_out/mount_context.h"
#include "efs/base/result.h"
#include "efs/mounts/nfs_mount.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// In the mount's network namespace, under a client identifier of this mount and host
// (client_name.h) unless client_identifier = classic. The messages are those of mount.nfs. `rules`
// without its patience, which is that of each try.
Result<mounts::MountOutcome> mountFromTarget(const MountRequest& request, const MountTarget& target,
                                             const MountContext& context,
                                             const MountAttempt& attempt,
                                             const mounts::MountRules& rules);

}  // namespace efs::mount_helper
