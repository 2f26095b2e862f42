// UmountSession: one unmount, step by step: find the mount, take it away, end its tunnel.
#pragma once

#include "carry_out/outcome.h"
#include "efs/base/clock.h"
#include "efs/state/state_store.h"
#include "umount/umount_command.h"

namespace efs::mount_helper {

struct UmountContext {
  const state::StateStore& store;
  const Clock& clock;
  // False: the state directory's file system is silent, nothing may look there. Then nothing of the
  // tunnel is cleared away.
  bool state_answers = true;
};

// Exit codes of umount(8): 0 done, 1 usage or rights, 32 the unmount failed.
inline constexpr int kUnmountFailed = 32;
Outcome unmountEfs(const UmountCommand& command, const UmountContext& context);

// main() of umount.efs without its lines.
int runUmountHelper(const std::vector<std::string>& argv);

}  // namespace efs::mount_helper
