#include "daemon/job_pool.h"

#include <sys/epoll.h>

#include <utility>

#include "daemon/job_bodies.h"

namespace efs::watchdog {

Result<JobId> JobPool::start(JobRequest request, JobDone done) {
  EFS_TRY(child,
          ChildJob::start(deadlineSeconds(request), [&] { return runJob(request, tools_); }));
  const JobId id = ++last_id_;
  auto watch = loop_.watch(child.pidFd(), EPOLLIN, [this, id](std::uint32_t) { ended(id); });
  if (!watch) {
    child.kill();
    return watch.error();
  }
  running_.emplace(id, Running{std::move(child), std::move(done), std::move(*watch)});
  return id;
}

void JobPool::ended(JobId id) {
  auto job = running_.extract(id);
  if (!job) return;
  const auto answer = job.mapped().child.finish();
  if (job.mapped().done) job.mapped().done(answer);
}

void JobPool::abandon(JobId id) {
  const auto job = running_.find(id);
  if (job == running_.end()) return;
  job->second.child.kill();
  job->second.done = nullptr;
}

}  // namespace efs::watchdog
