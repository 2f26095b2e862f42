// MountSession: carries out a mount step by step; whatever fails, everything before it is undone.
#pragma once

#include "carry_out/outcome.h"
#include "carry_out/stage_log.h"
#include "efs/base/clock.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

struct SessionContext {
  const settings::Settings& settings;
  const state::StateStore& store;
  const Clock& clock;
  StageLog& stages;
};

// One of the attempts of a mount (persistence.h).
struct Attempt {
  Deadline until;           // of all attempts; the last try waits for the server so long
  bool background = false;  // no attempt waits for the network or for long: there will be another
  bool repeats = false;     // a failure that may pass by itself is not the end
  bool repeated = false;    // not the first one
};
// Also reports what came of it (section 20), unless there will be another attempt.
Outcome attemptMount(const MountRequest& request, const SessionContext& context,
                     const Attempt& attempt);
// Whether `outcome` is not the end.
bool worthAnother(const Attempt& attempt, const Outcome& outcome);

// All of it, to the exit code.
Outcome carryOut(const MountRequest& request, const SessionContext& context);

}  // namespace efs::mount_helper
