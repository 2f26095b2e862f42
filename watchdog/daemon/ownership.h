// Ownership: which watchdog a state directory belongs to. One at a time, always: the holder of
// watchdog.lock, also after somebody deleted the file (rm -rf of the directory's content), when the
// next one to come could lock a new file of that name.
#pragma once

#include <optional>

#include "efs/base/clock.h"
#include "efs/base/file_lock.h"
#include "efs/base/result.h"
#include "efs/state/state_store.h"

namespace efs::watchdog {

class Ownership {
 public:
  enum class Standing {
    kOurs,
    kContested,  // somebody else has the lock of that name at this moment; ask again soon
    kLost,       // and keeps it: a watchdog that could not know of us. Ends us
  };

  Ownership(const state::StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // kBusy when another process is the owner, also one whose lock file was deleted.
  Status take();
  // Once taken: whether others still find our lock; if its file is gone, it is made anew.
  Standing keep();

 private:
  const state::StateStore& store_;
  const Clock& clock_;
  std::optional<FileLock> lock_;
  std::optional<MonoTime> contested_since_;
};

}  // namespace efs::watchdog
