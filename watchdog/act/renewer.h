// Renewer: has a mount's certificate renewed by a child (renewal.h), and takes over what came of
// it.
#pragma once

#include "act/tunnel_keeper.h"
#include "efs/aws/principal.h"
#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class Renewer {
 public:
  Renewer(Context& context, RecordFiles& files, RecordJobs& jobs, TunnelKeeper& keeper)
      : context_(context), files_(files), jobs_(jobs), keeper_(keeper) {}

  void renew(MountRecord& mount);
  void renewed(MountRecord& mount, const Result<std::string>& answer);

 private:
  void wakeWaiting();
  void fail(MountRecord& mount, const Error& error);
  void notePrincipal(MountRecord& mount, const aws::Principal& now);

  Context& context_;
  RecordFiles& files_;
  RecordJobs& jobs_;
  TunnelKeeper& keeper_;
};

}  // namespace efs::watchdog
