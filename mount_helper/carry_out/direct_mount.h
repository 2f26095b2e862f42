// A mount without a tunnel: plain NFS straight to the mount target (contract MODE-2, and option
// notunnel). There is no local port, no state file and nothing for the watchdog to do.
#pragma once

#include "carry_out/mount_attempts.h"
#include "efs/base/result.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/settings/settings.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// In the mount's network namespace. The messages are those of mount.nfs.
// `mount_rules` without its patience, which is that of each try.
Result<mounts::MountOutcome> mountDirectly(const MountRequest& request, const MountTarget& target,
                                           const AttemptRules& rules,
                                           mounts::MountRules mount_rules, const Clock& clock);

}  // namespace efs::mount_helper
