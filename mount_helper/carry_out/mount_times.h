// MountTimes: how long each step of a mount may take, so that all of them together end soon after
// the time that `retry=` gives (2 minutes where it says nothing), whoever holds the lock of the
// client identifier, and so that no mount keeps that lock longer than others wait for it.
#pragma once

#include "efs/base/clock.h"
#include "efs/settings/settings.h"

namespace efs::mount_helper {

class MountTimes {
 public:
  // `until`: of the whole mount. `background`: there will be another attempt, none waits for long.
  MountTimes(const settings::MountSettings& settings, Deadline until, bool background)
      : usual_(settings.retry_nfs_mount_timeout), until_(until), background_(background) {}

  // One try of several.
  Duration usual() const { return usual_; }
  // The last one (NFS-4 knows no limit for it): as long as there is time.
  Duration lastTry() const;
  // For the identifier's lock, now.
  Duration lock() const;
  // For the kernel's mount under that lock, in a try that may take `patience`.
  static Duration underLock(Duration patience);

 private:
  Duration usual_;
  Deadline until_;
  bool background_;
};

}  // namespace efs::mount_helper
