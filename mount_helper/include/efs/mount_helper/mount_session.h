// MountSession: carries out a mount step by step; whatever fails, everything before it is undone.
#pragma once

#include "efs/base/clock.h"
#include "efs/mount_helper/mount_request.h"
#include "efs/mount_helper/outcome.h"
#include "efs/mount_helper/stage_log.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

struct SessionContext {
  const settings::Settings& settings;
  const state::StateStore& store;
  const Clock& clock;
  StageLog& stages;
};

Outcome carryOut(const MountRequest& request, const SessionContext& context);

}  // namespace efs::mount_helper
