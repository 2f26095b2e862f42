// RecordJobs: what children are doing for which mount: at most one of each task for a mount, and so
// many of a task for all.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "mounts/context.h"

namespace efs::watchdog {

class RecordJobs {
 public:
  // Who takes the answers. The record may be gone when it returns.
  using Taker = std::function<void(MountRecord&, Task, const Result<std::string>&)>;

  RecordJobs(Context& context, Taker taker) : context_(context), taker_(std::move(taker)) {}
  RecordJobs(const RecordJobs&) = delete;
  RecordJobs& operator=(const RecordJobs&) = delete;
  // Those of mounts are abandoned; those of none end by themselves, unheard.
  ~RecordJobs();

  // False: one runs for this mount, too many run, or no child can be made; it is asked for again
  // later. The end of a job makes its mount due.
  bool start(MountRecord& mount, Task task, JobRequest request);
  std::size_t running(Task task) const;
  // No more than may run of this task.
  bool hasRoom(Task task) const;
  // Their answers will not be taken.
  void abandon(MountRecord& mount);
  // For no mount: `done` hears also that it could not be started.
  void startLoose(JobRequest request, const JobDone& done);

 private:
  void ended(const std::string& name, Task task, const Result<std::string>& answer);

  Context& context_;
  Taker taker_;
  std::map<Task, std::size_t> running_;
  std::shared_ptr<bool> listening_ = std::make_shared<bool>(true);
};

}  // namespace efs::watchdog
