#include "carry_out/mount_times.h"

#include <algorithm>

#include "efs/mounts/client_identifier.h"

namespace efs::mount_helper {

Duration MountTimes::lastTry() const {
  // In the background many tries follow, so none need be long.
  return background_ ? usual_ : std::max(usual_, until_.left());
}

Duration MountTimes::lock() const { return std::min(mounts::kIdentifierPatience, lastTry()); }

// All mounts of the host wait for that lock.
Duration MountTimes::underLock(Duration patience) {
  return std::min(patience, mounts::kIdentifierHold);
}

}  // namespace efs::mount_helper
