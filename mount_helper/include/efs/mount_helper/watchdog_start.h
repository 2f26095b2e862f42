// Making sure that a watchdog supervises the mount (contract FLOW-5).
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/state/state_store.h"

namespace efs::mount_helper {

// Does nothing if one answers on the state directory's socket; otherwise starts the unit under
// systemd (without waiting: at boot this mount may be what the unit's order waits for), or the
// daemon itself where there is no systemd, once for any number of mounts at the same moment. None
// is started while somebody holds the watchdog's lock: kTimeout, when that one does not answer.
// Failure is for the log: a mount without a watchdog works until its tunnel dies.
Status ensureWatchdog(const state::StateStore& store, const Clock& clock);

// Gives the watchdog a duplicate of the listening socket, waiting up to `patience` for a watchdog
// that was just started.
Status handOverListener(const state::StateStore& store, const std::string& mount_name,
                        const UniqueFd& listener, const Clock& clock, Duration patience);

}  // namespace efs::mount_helper
