// Unmounter: what is noted of an unmount, and the removal of everything of a mount that is gone.
// The removal is done by a child: the loop never waits for a file system.
#pragma once

#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"
#include "mounts/registry.h"
#include "mounts/stray_tunnels.h"

namespace efs::watchdog {

class Unmounter {
 public:
  struct Helpers {
    RecordFiles& files;
    RecordJobs& jobs;
    Registry& registry;
    StrayTunnels& strays;
  };
  Unmounter(Context& context, const Helpers& helpers) : context_(context), help_(helpers) {}

  void noteUnmount(MountRecord& mount);
  void clearUnmount(MountRecord& mount);

  void remove(MountRecord& mount);
  // The decision stands until it is carried out, or until somebody uses the mount again.
  void continueRemoval(MountRecord& mount);
  // The record may be gone when this returns.
  void removalEnded(MountRecord& mount, const Result<std::string>& answer);
  // What was in the way may be gone.
  void retryAll();

 private:
  void findStrayTunnel(MountRecord& mount);
  void strayFound(MountRecord& mount, const Result<std::optional<pid_t>>& found);
  void startRemoval(MountRecord& mount);
  void tellOverdue(MountRecord& mount);
  bool mustRetry(MountRecord& mount, const Error& error);

  Context& context_;
  Helpers help_;
};

}  // namespace efs::watchdog
