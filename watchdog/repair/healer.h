// Healer: what is done about a mount that hangs: questions, a reconnect, another tunnel, and, by
// others, another target and another mount.
#pragma once

#include "act/tunnel_keeper.h"
#include "judge/decide.h"
#include "mounts/context.h"
#include "mounts/record_jobs.h"
#include "observe/health_sampler.h"
#include "repair/remounter.h"
#include "repair/target_mover.h"

namespace efs::watchdog {

class Healer {
 public:
  struct Helpers {
    RecordJobs& jobs;
    HealthSampler& sampler;
    TunnelKeeper& keeper;
    TargetMover& mover;
    Remounter& remounter;
  };
  Healer(Context& context, const Helpers& helpers) : context_(context), help_(helpers) {}

  void heal(MountRecord& mount, Remedy remedy);
  void probeEnded(MountRecord& mount, const Result<std::string>& answer);
  void rootEnded(MountRecord& mount, const Result<std::string>& answer);

 private:
  void probe(MountRecord& mount);
  void checkRoot(MountRecord& mount);
  void reportHang(MountRecord& mount);
  void reportProgress(MountRecord& mount);
  void reconnect(const MountRecord& mount);
  void wakeWaiting();

  Context& context_;
  Helpers help_;
};

}  // namespace efs::watchdog
