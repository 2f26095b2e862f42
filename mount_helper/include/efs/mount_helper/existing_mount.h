// What is at the mount point before anything is done: nothing that can be mounted on, a mount that
// is there already, or the mount whose options are to be changed.
#pragma once

#include <optional>

#include "efs/base/result.h"
#include "efs/mount_helper/mount_request.h"
#include "efs/mount_helper/outcome.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

// The mount point is a directory and the kernel has an NFS client, which it loads for this.
Status checkUsable(const MountRequest& request);

// How the program ends if something is mounted there (FLOW-3); nothing if not.
std::optional<Outcome> alreadyMounted(const MountRequest& request);

// How the program ends when somebody else mounted there while we were at it: as above if it is the
// same mount (file system, access point, `source`), else with kMountFailed. `store` knows which
// file system a tunnel's mount is of.
Outcome overtaken(const MountRequest& request, const std::string& source,
                  const state::StateStore& store);

// `-o remount`: changes the options of the mount in place; its tunnel stays.
Outcome remount(const MountRequest& request);

}  // namespace efs::mount_helper
