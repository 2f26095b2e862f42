// The plan of a mount without a tunnel (contract MODE-2, and option notunnel), and when there is
// none.
#pragma once

#include "efs/mounts/nfs_request.h"
#include "efs/settings/settings.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// MODE-2: what chose the stunnel of efs-utils, without tls, chose no tunnel at all.
bool mountsDirectly(const MountRequest& request, const settings::MountSettings& settings);

mounts::NfsMountRequest planDirectMount(const MountRequest& request, const MountTarget& target);

}  // namespace efs::mount_helper
