// What is at the mount point before anything is done: nothing that can be mounted on, a mount that
// is there already, or the mount whose options are to be changed.
#pragma once

#include <optional>

#include "carry_out/outcome.h"
#include "efs/base/result.h"
#include "efs/state/state_store.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// How the program ends if something is mounted there (FLOW-3: with 0 whatever NFS mount it is, and
// a notice where it is provably not the wished one); nothing if not. An error: the mount point is
// missing, no directory, or does not answer. `repeated`: this is not the first attempt, so another
// mount came meanwhile, and the wished one cannot be made any more.
Result<std::optional<Outcome>> alreadyMounted(const MountRequest& request,
                                              const state::StateStore& store, bool repeated);

// How the program ends when somebody else mounted there while we were at it: as above if it is the
// same mount (file system, access point, `source`), else with kMountFailed. `store` knows which
// file system a tunnel's mount is of.
Outcome overtaken(const MountRequest& request, const std::string& source,
                  const state::StateStore& store);

// `-o remount`: changes the options of the mount in place; its tunnel stays.
Outcome remount(const MountRequest& request);

}  // namespace efs::mount_helper
