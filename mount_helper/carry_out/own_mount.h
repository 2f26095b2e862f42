// OwnMount: what this run may have left mounted, told apart from everybody else's mounts: an entry
// of the kernel's table that carries the port of our tunnel and came since. A path proves nothing:
// at the same one another mount.efs may have mounted meanwhile.
#pragma once

#include <set>
#include <vector>

#include "efs/base/clock.h"
#include "efs/mounts/mount_table.h"

namespace efs::mount_helper {

class OwnMount {
 public:
  // Remembers what carries that port already: a mount whose tunnel died long ago.
  explicit OwnMount(int port);

  // Unmounts what is ours, lazily if it is busy. True when nothing of ours is mounted any more,
  // whether or not there was anything.
  bool undo(Duration patience) const;

 private:
  std::vector<mounts::MountEntry> find(const mounts::MountTable& table) const;
  int port_;
  std::set<int> before_;  // mount ids
};

}  // namespace efs::mount_helper
