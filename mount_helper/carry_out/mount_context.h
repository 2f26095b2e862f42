// MountContext and MountAttempt: what all steps of a mount share.
#pragma once

#include "carry_out/kernel_calls.h"
#include "carry_out/stage_log.h"
#include "efs/base/clock.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

struct MountContext {
  const settings::Settings& settings;
  const state::StateStore& store;
  const Clock& clock;
  StageLog& stages;
  const KernelCalls& kernel;
};

// One of the attempts of a mount (request/persistence.h).
struct MountAttempt {
  Deadline until;           // of all attempts; the last try waits for the server so long
  bool background = false;  // no attempt waits for the network or for long: there will be another
  bool repeats = false;     // a failure that may pass by itself is not the end
  bool repeated = false;    // not the first one
};

}  // namespace efs::mount_helper
