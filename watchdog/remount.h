// Remount: a fresh NFS mount in the place of one that is dead or hung, by the method that works on
// a hung client (design.md, "Remount of a hung mount"): a new port and a new client identifier, so
// that the kernel shares nothing with the old mount. Runs in a child that can be killed.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/mounts/mount_options.h"
#include "efs/mounts/mount_table.h"

namespace efs::watchdog {

inline constexpr unsigned kRemountDeadlineSeconds = 120;

struct RemountPlan {
  std::string source;          // "127.0.0.1:/path"
  std::string target;          // where the old mount is
  std::string staging;         // directory in which the new one is made first
  mounts::OptionList options;  // `port` is the new one
  std::string lock_path;       // of the identifier, which is the kernel's and not ours

  // From what the kernel shows of the old mount. kUnsupported: it is a bind mount of a directory.
  static Result<RemountPlan> fromEntry(const mounts::MountEntry& entry);
};

// Mounts at `staging` first: until that has worked, and the root there has answered, the old mount
// stays where it is. Then the old
// one is detached (what is open on it stays on it) and the new one takes its place.
Result<std::string> remountInChild(const RemountPlan& plan);

}  // namespace efs::watchdog
