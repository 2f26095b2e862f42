#include "carry_out/mount_times.h"

#include <algorithm>

#include "efs/mounts/client_identifier.h"

namespace efs::mount_helper {

Duration MountTimes::lastTry() const {
  return background_ ? usual_ : std::max(usual_, until_.left());
}

Duration MountTimes::lock() const { return std::min(mounts::kIdentifierPatience, lastTry()); }

Duration MountTimes::underLock(Duration patience) {
  return std::min(patience, mounts::kIdentifierHold);
}

}  // namespace efs::mount_helper
