// NetworkView: notices mounts whose NFS client is in another network namespace than their tunnel. A
// container that made them with a network of its own was restarted with another one, say: the
// kernel goes on asking 127.0.0.1 of the old network, where nobody listens any more, and the mount
// table does not tell.
#pragma once

#include <sys/types.h>

#include "mounts/context.h"

namespace efs::watchdog {

class NetworkView {
 public:
  explicit NetworkView(Context& context) : context_(context) {}

  // Looks once a minute for each mount; what the kernel does not tell is no alarm. The trouble is
  // topic "network" of the record, cleared here when it is over.
  bool foundElsewhere(MountRecord& mount) const;

 private:
  bool isElsewhere(const MountRecord& mount) const;
  bool isOutOfReach(const MountRecord& mount, dev_t device) const;

  Context& context_;
};

}  // namespace efs::watchdog
