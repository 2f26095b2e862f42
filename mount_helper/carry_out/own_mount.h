// OwnMount: what this run may have left mounted, told apart from everybody else's mounts: an entry
// of the kernel's table that carries the port of our tunnel and came since. A path proves nothing:
// at the same one another mount.efs may have mounted meanwhile.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "carry_out/kernel_calls.h"
#include "efs/base/clock.h"
#include "efs/base/wait.h"
#include "efs/mounts/mount_table.h"

namespace efs::mount_helper {

class OwnMount {
 public:
  using Pause = std::function<Status(Duration)>;

  // Remembers what carries that port already: a mount whose tunnel died long ago. `kernel` outlives
  // the object.
  OwnMount(int port, const KernelCalls& kernel);

  // Unmounts what is ours, lazily if it is busy, and waits a second or two for one that another
  // mount covers. True when nothing of ours is mounted any more, whether or not there was anything.
  // In the network namespace of the mount.
  // `patience`: for each unmount. What is on top of ours, or beneath it, stays.
  bool undo(Duration patience, const Pause& pause = sleepFor) const;

 private:
  using Tries = std::map<int, int>;  // of each mount id

  std::vector<mounts::MountEntry> find(const mounts::MountTable& table) const;
  void take(const mounts::MountEntry& entry, bool lazily, Duration patience) const;

  int port_;
  const KernelCalls& kernel_;
  std::set<int> before_;  // mount ids
};

}  // namespace efs::mount_helper
