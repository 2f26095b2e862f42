// Confinement: what a daemon gives up once it has started, so that who takes it over has little: no
// capabilities, no system calls but those it needs, no files but those it names.
//
// Each part stands for itself: where the kernel or a container's runtime does not offer one, the
// others are taken, and Confinement tells what is missing and why. Nothing here can be undone.
//
// A system call that is not allowed does not end the process: it fails with ENOSYS, as on a kernel
// that lacks it, because the host's libraries choose their calls; takeRefusedCalls() tells its
// name. Sources: seccomp(2), landlock(7), capabilities(7).
#pragma once

#include <string>
#include <vector>

#include "efs/base/result.h"

namespace efs::confine {

// Files and directories, each with what lies below it. Those that do not exist are passed over;
// what is made anew below a directory that is there counts.
struct FilePlan {
  std::vector<std::string> read;
  std::vector<std::string> write;  // and made, renamed, removed
};

// What is in force.
struct Confinement {
  bool capabilities = false;  // there are none
  bool files = false;
  bool calls = false;
  std::vector<std::string> missing;  // what is not, and why

  // One line: "no capabilities, its own files only, 120 system calls".
  std::string describe() const;
};

// Of the calling thread: before there are others. Files named only once their descriptor is open
// already need no place in the plan.
Confinement confine(const FilePlan& files);

// Names of calls that have been refused since the last question; each is told once in the life of
// the process. Cheap where there were none.
std::vector<std::string> takeRefusedCalls();

}  // namespace efs::confine
