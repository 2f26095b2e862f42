// RemountPlan: one remount, for the child that carries it out (repair/remount.h).
#pragma once

#include <string>

#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_options.h"

namespace efs::watchdog {

struct RemountPlan {
  std::string source;          // "127.0.0.1:/path"
  mounts::MountIdentity old;   // the mount to replace, and its place
  mounts::OptionList options;  // `port` is the new one
  int port = 0;
  std::string lock_path;    // of the identifier, which is the kernel's and not ours
  std::string target_lock;  // of all makers of mounts (TargetLock)
  std::string staging;      // for mount(2); below stagingFolder()
  bool classic = false;     // mount_api: mount(2) even where the kernel has more
  // The mount on `port` lies beneath the old one already: an earlier try could not detach that one.
  // Only this is left to do, and another mount would lie there after each try.
  bool lies_beneath = false;
};

}  // namespace efs::watchdog
