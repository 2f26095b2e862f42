// TargetMover: lets a mount whose target is silent use another zone's mount target, and brings it
// back.
#pragma once

#include <string>

#include "act/tunnel_keeper.h"
#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class TargetMover {
 public:
  TargetMover(Context& context, RecordFiles& files, RecordJobs& jobs, TunnelKeeper& keeper)
      : context_(context), files_(files), jobs_(jobs), keeper_(keeper) {}

  void findTarget(MountRecord& mount);
  void targetFound(MountRecord& mount, const Result<std::string>& answer);
  void checkHome(MountRecord& mount);
  void homeAnswered(MountRecord& mount, const Result<std::string>& answer);
  void returnHome(MountRecord& mount);

 private:
  Status rewrite(MountRecord& mount, const Result<std::string>& text);

  Context& context_;
  RecordFiles& files_;
  RecordJobs& jobs_;
  TunnelKeeper& keeper_;
};

}  // namespace efs::watchdog
