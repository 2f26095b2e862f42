// MountSession: carries out a mount step by step; whatever fails, everything before it is undone.
#pragma once

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mount_helper/mount_request.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

// How the program ends (contract section 7).
struct Outcome {
  int code = 0;
  std::string out;  // for stdout
  std::string err;  // for stderr, one line without "mount.efs: "
};

struct SessionContext {
  const settings::Settings& settings;
  const state::StateStore& store;
  const Clock& clock;
};

Outcome carryOut(const MountRequest& request, const SessionContext& context);

}  // namespace efs::mount_helper
