#include "daemon/job_pool.h"

#include <sys/epoll.h>

#include <utility>

#include "daemon/job_bodies.h"

namespace efs::watchdog {

JobPool::~JobPool() {
  for (const auto& [id, job] : running_) loop_.forget(job.child.pidFd());
}

Result<JobId> JobPool::start(JobRequest request, JobDone done) {
  EFS_TRY(child,
          ChildJob::start(deadlineSeconds(request), [&] { return runJob(request, tools_); }));
  const JobId id = ++last_id_;
  if (auto watched = loop_.watch(child.pidFd(), EPOLLIN, [this, id](std::uint32_t) { ended(id); });
      !watched) {
    child.kill();
    return watched.error();
  }
  running_.emplace(id, Running{std::move(child), std::move(done)});
  return id;
}

void JobPool::ended(JobId id) {
  auto job = running_.extract(id);
  if (!job) return;
  loop_.forget(job.mapped().child.pidFd());
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
