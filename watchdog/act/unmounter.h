// Unmounter: what is noted of an unmount, and the removal of everything of a mount that is gone.
// The removal is done by a child: the loop never waits for a file system.
#pragma once

#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"
#include "mounts/registry.h"

namespace efs::watchdog {

class Unmounter {
 public:
  Unmounter(Context& context, RecordFiles& files, RecordJobs& jobs, Registry& registry)
      : context_(context), files_(files), jobs_(jobs), registry_(registry) {}

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
  void startRemoval(MountRecord& mount);
  void tellOverdue(MountRecord& mount);
  bool mustRetry(MountRecord& mount, const Error& error);

  Context& context_;
  RecordFiles& files_;
  RecordJobs& jobs_;
  Registry& registry_;
};

}  // namespace efs::watchdog
