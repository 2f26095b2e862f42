// The name under which a mount presents itself to the server (efs/mounts/client_identifier.h).
#pragma once

#include "efs/mounts/client_identifier.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// From file system, access point, mount point and, unless client_identifier = classic, what makes
// this host unique: looked up when the name is asked for, in the network namespace of the caller.
mounts::OwnClientIdentifier::Namer clientNamer(const MountRequest& request,
                                               const settings::Settings& settings,
                                               const state::StateStore& store);

// The kernel's client bears that name while the result lives. kTimeout: others kept it for longer
// than `patience`, because they are many or one hangs; that passes.
Result<mounts::OwnClientIdentifier> takeName(const state::StateStore& store, const Clock& clock,
                                             Duration patience,
                                             const mounts::OwnClientIdentifier::Namer& namer,
                                             const mounts::KernelOpener& kernel);

}  // namespace efs::mount_helper
