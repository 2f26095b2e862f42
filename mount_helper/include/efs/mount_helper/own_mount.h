// OwnMount: the mount that this run makes, told apart from what was at the mount point before.
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_table.h"

namespace efs::mount_helper {

// The path as the kernel's mount table shows it; the path itself where it cannot be resolved.
std::string canonicalPath(const std::string& path);

class OwnMount {
 public:
  // Remembers what is mounted there now.
  explicit OwnMount(const std::string& mountpoint);

  // The mount that came since. kNotFound when there is none.
  Result<mounts::MountEntry> find() const;
  // Unmounts what find() sees, lazily if it is busy. True when nothing of ours is mounted any more,
  // whether or not there was anything.
  bool undo(Duration patience) const;

 private:
  std::string canonical_;
  int id_before_ = 0;  // mount id of what was on top, 0 for nothing
};

}  // namespace efs::mount_helper
