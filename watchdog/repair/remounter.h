// Remounter: has a dead mount replaced by a fresh one (remount.h): makes the successor's files,
// listener and tunnel, lets a child mount, and takes over what came of it.
#pragma once

#include <optional>
#include <string>

#include "act/tunnel_keeper.h"
#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class Remounter {
 public:
  Remounter(Context& context, RecordFiles& files, RecordJobs& jobs, TunnelKeeper& keeper)
      : context_(context), files_(files), jobs_(jobs), keeper_(keeper) {}

  void remount(MountRecord& mount);
  void ended(MountRecord& mount, const Result<std::string>& answer);
  // The mount of this name is not to take another one's place any more. Unknown names are no error.
  void giveUp(const std::string& name);
  // Once, at the start: what a watchdog that was killed left half mounted goes.
  void clearStagingAfterCrash();
  // Once a minute: what a remount left there that was killed.
  void sweepStaging();

 private:
  void refuse(MountRecord& mount, const std::string& reason);
  Result<RemountPlan> planFor(const MountRecord& mount) const;
  const MountRecord* laidBeneath(const MountRecord& mount, const RemountPlan& plan) const;
  void uncover(MountRecord& mount, RemountPlan plan, const MountRecord& beneath);
  void carryOut(MountRecord& mount, RemountPlan plan);
  Result<std::string> prepareSuccessor(const MountRecord& mount, const std::string& target);
  Result<state::MountState> writeFiles(const MountRecord& mount, const std::string& target,
                                       const std::string& name, int port);
  Result<BoundListener> chooseListener();

  Context& context_;
  RecordFiles& files_;
  RecordJobs& jobs_;
  TunnelKeeper& keeper_;
  std::optional<MonoTime> staged_since_;  // something stands there, and no remount runs
};

}  // namespace efs::watchdog
