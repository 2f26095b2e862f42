// JobPool: jobs done by forked children (child_job.h); the loop only sees them end.
#pragma once

#include <map>

#include "daemon/child_job.h"
#include "efs/loop/event_loop.h"
#include "repair/remount.h"
#include "tools/jobs.h"

namespace efs::watchdog {

class JobPool final : public Jobs {
 public:
  // The tools are used in the children.
  JobPool(loop::EventLoop& loop, const RemountTools& tools) : loop_(loop), tools_(tools) {}
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;
  // Children that run go on.
  ~JobPool() override = default;

  Result<JobId> start(JobRequest request, JobDone done) override;
  void abandon(JobId id) override;

 private:
  struct Running {
    ChildJob child;
    JobDone done;  // empty: nobody asks any more, only to be reaped
    loop::EventLoop::Watch watch;
  };
  void ended(JobId id);

  loop::EventLoop& loop_;
  RemountTools tools_;
  JobId last_id_ = 0;
  std::map<JobId, Running> running_;
};

}  // namespace efs::watchdog
