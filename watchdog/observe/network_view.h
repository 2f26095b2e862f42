// NetworkView: notices mounts whose NFS client is in another network namespace than their tunnel. A
// container that made them with a network of its own was restarted with another one, say: the
// kernel goes on asking 127.0.0.1 of the old network, where nobody listens any more, and the mount
// table does not tell.
#pragma once

#include "mounts/context.h"

namespace efs::watchdog {

class NetworkView {
 public:
  explicit NetworkView(Context& context) : context_(context) {}

  // Once a minute for each mount. Told once, and in the status (topic "network") as long as it
  // lasts; what the kernel does not tell is no alarm.
  void refresh(MountRecord& mount) const;

 private:
  bool isElsewhere(const MountRecord& mount) const;

  Context& context_;
};

}  // namespace efs::watchdog
