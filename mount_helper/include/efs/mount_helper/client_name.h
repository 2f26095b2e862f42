// The name under which a mount presents itself to the server (efs/mounts/client_identifier.h).
#pragma once

#include "efs/mount_helper/mount_request.h"
#include "efs/mounts/client_identifier.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

// From file system, access point, mount point and, unless client_identifier = classic, what makes
// this host unique: looked up when the name is asked for, in the network namespace of the caller.
mounts::OwnClientIdentifier::Namer clientNamer(const MountRequest& request,
                                               const settings::Settings& settings,
                                               const state::StateStore& store);

}  // namespace efs::mount_helper
