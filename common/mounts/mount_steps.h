// The steps of a mount that may wait for a server: they run in a child that can be killed, and tell
// over a pipe how far they came.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string>

#include "efs/mounts/nfs_mount.h"
#include "visible_mount.h"

namespace efs::mounts {

// kTarget to kAttach: the step that is under way, or that failed with `err`. kDone: nothing more to
// come but tidying.
enum class Step : int { kTarget, kKernel, kRoot, kLock, kPrepare, kAttach, kUndo, kDone };

// What goes over the pipe, whole: it is shorter than PIPE_BUF.
struct StepReport {
  Step step = Step::kTarget;
  int err = 0;
  // From kPrepare on where the mount goes: the mount that the place is in, and placeOf() its path.
  int directory = 0;
  std::size_t place = 0;
  MountOutcome outcome;           // of kDone without err
  std::array<char, 320> words{};  // the kernel's own, NUL at the end
};

using Tell = std::function<void(const StepReport&)>;

// What the kernel and libmount are told, worked out beforehand.
struct ClassicOptions {
  unsigned long flags = 0;
  std::string data;      // for mount(2)
  std::string libmount;  // all words, for utab
};
// kInvalidInput: what the kernel cannot take.
Result<ClassicOptions> classicOptions(const NfsMountRequest& request);

// In the child. Everything that happens is told; the last report counts.
void carryOutMount(const NfsMountRequest& request, const MountRules& rules, const Tell& tell);

// In a second child, after the first was killed when it had mounted: judges what that one left as
// it would have done itself. `directory`: as in its last report.
void judgeLeft(const VisibleMount& left, int directory, const NfsMountRequest& request,
               const MountRules& rules, const Tell& tell);

}  // namespace efs::mounts
