// How long a mount is tried, and where: the options bg, fg and retry= of nfs(5).
//
//   fg (default)     the tries of contract NFS-4 once
//   fg,retry=N       the same again, until N minutes are over
//   bg               once in the foreground; then exit 0, and a child goes on for 10000 minutes
//   bg,retry=N       for N minutes
// Only what may pass by itself is tried again: no answer, refused, no route, reset. A signal ends
// the child (it is called mount.efs), and so does a mount that somebody else made meanwhile.
#pragma once

#include "efs/base/clock.h"
#include "efs/base/error.h"
#include "efs/mounts/mount_options.h"

namespace efs::mount_helper {

struct Persistence {
  bool background = false;
  bool repeats = false;  // whole mounts, not only the tries within one
  Duration limit{};      // since the start

  // A retry= that is no number, negative or beyond 10000 counts as absent (nfs(5) knows no error).
  static Persistence fromOptions(const mounts::OptionList& options);
};

bool mayPassByItself(ErrorKind kind);

// Before attempt 2, 3, 4 ...: 1, 2, 4 ... 30 s, +-20 % by `chance` in [0, 1).
Duration pauseBefore(int attempt, double chance);

}  // namespace efs::mount_helper
