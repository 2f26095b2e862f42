// Children that do what may wait. The loop starts them and sees them end; none is waited for.
#include <sys/epoll.h>

#include "efs/base/log.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

// All mounts may hang at one moment; a question that finds no place is asked again later.
constexpr std::size_t kMaxChildren = 16;

}  // namespace

std::size_t Supervisor::running(Task task) const {
  return running_.count(task) != 0 ? running_.at(task) : 0;
}

bool Supervisor::startJob(MountRecord& mount, Task task, unsigned deadline_s,
                          const ChildJob::Body& body) {
  if (mount.busy(task) || running(task) >= kMaxChildren) return false;
  auto job = ChildJob::start(deadline_s, body);
  if (!job) {
    const std::string reason = job.error().describe();
    if (novelty_.isNew("child", reason)) log::error("no child process: {}", reason);
    return false;
  }
  novelty_.clear("child");
  const auto watched =
      around_.loop.watch(job->pidFd(), EPOLLIN,
                         [this, name = mount.name, task](std::uint32_t) { jobEnded(name, task); });
  if (!watched) {
    log::error("{}: {}", mount.name, watched.error().describe());
    job->kill();
    return false;
  }
  mount.jobs.emplace(task, std::move(*job));
  ++running_[task];
  return true;
}

void Supervisor::jobEnded(const std::string& name, Task task) {
  const auto found = mounts_.find(name);
  if (found == mounts_.end()) return;
  MountRecord& mount = found->second;
  auto ended = mount.jobs.extract(task);
  if (!ended) return;
  --running_[task];
  around_.loop.forget(ended.mapped().pidFd());
  mount.due = true;
  take(mount, task, ended.mapped().finish());
}

void Supervisor::startLooseJob(unsigned deadline_s, const ChildJob::Body& body,
                               const std::function<void(const Result<std::string>&)>& done) {
  auto job = ChildJob::start(deadline_s, body);
  if (!job) return done(job.error());
  orphan(std::move(*job), done);
}

void Supervisor::orphan(ChildJob job, const std::function<void(const Result<std::string>&)>& done) {
  const auto loose = orphans_.insert(orphans_.end(), std::move(job));
  (void)around_.loop.watch(loose->pidFd(), EPOLLIN, [this, loose, done](std::uint32_t) {
    around_.loop.forget(loose->pidFd());
    const auto answer = loose->finish();
    orphans_.erase(loose);
    done(answer);
  });
}

void Supervisor::take(MountRecord& mount, Task task, const Result<std::string>& answer) {
  switch (task) {
    case Task::kRenewal:
      return renewed(mount, answer);
    case Task::kProbe:
      return probeEnded(mount, answer);
    case Task::kRoot:
      return rootEnded(mount, answer);
    case Task::kHome:
      mount.health.home_answers = answer ? Seen::kYes : Seen::kNo;
      return;
    case Task::kFindTarget:
      return targetFound(mount, answer);
    case Task::kRemount:
      return remountEnded(mount, answer);
    case Task::kRemoval:
      return removalEnded(mount, answer);
  }
}

void Supervisor::abandonJobs(MountRecord& mount) {
  for (auto& [task, job] : mount.jobs) {
    --running_[task];
    around_.loop.forget(job.pidFd());
    job.kill();
    orphan(std::move(job), [](const Result<std::string>&) {});
  }
  mount.jobs.clear();
}

}  // namespace efs::watchdog
