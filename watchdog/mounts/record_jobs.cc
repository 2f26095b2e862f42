#include "mounts/record_jobs.h"

#include <utility>

namespace efs::watchdog {
namespace {

// All mounts may hang at one moment; a question that finds no place is asked again later.
constexpr std::size_t kMaxChildren = 16;

}  // namespace

RecordJobs::~RecordJobs() {
  for (auto& [name, mount] : context_.records) abandon(mount);
}

std::size_t RecordJobs::running(Task task) const {
  const auto found = running_.find(task);
  return found == running_.end() ? 0 : found->second;
}

bool RecordJobs::hasRoom(Task task) const { return running(task) < kMaxChildren; }

bool RecordJobs::start(MountRecord& mount, Task task, JobRequest request) {
  if (mount.busy(task) || !hasRoom(task)) return false;
  // By name, not by reference: the record may be gone, or another's, when the child ends.
  const auto done = [this, name = mount.name, task](const Result<std::string>& answer) {
    ended(name, task, answer);
  };
  const auto job = context_.tools.jobs.start(std::move(request), done);
  if (!job) {
    const std::string reason = job.error().describe();
    if (context_.novelty.isNew("child", reason)) {
      context_.tools.log.error("no child process: {}", reason);
    }
    return false;
  }
  context_.novelty.clear("child");
  mount.jobs.emplace(task, *job);
  ++running_[task];
  return true;
}

void RecordJobs::ended(const std::string& name, Task task, const Result<std::string>& answer) {
  MountRecord* const mount = context_.find(name);
  if (mount == nullptr || mount->jobs.erase(task) == 0) return;
  --running_[task];
  // An answer is an event like others: the mount is judged by it in this turn.
  mount->due = true;
  taker_(*mount, task, answer);
}

void RecordJobs::abandon(MountRecord& mount) {
  for (const auto& [task, job] : mount.jobs) {
    --running_[task];
    // Nobody would take the answer; a child that waits for a dead server would wait on.
    context_.tools.jobs.abandon(job);
  }
  mount.jobs.clear();
}

void RecordJobs::startLoose(JobRequest request, const JobDone& done) {
  // These belong to no record, so none abandons them: they may outlive us.
  const auto heard = [done, listening = std::weak_ptr<bool>(listening_)](const auto& answer) {
    if (!listening.expired()) done(answer);
  };
  const auto job = context_.tools.jobs.start(std::move(request), heard);
  if (!job) done(job.error());
}

}  // namespace efs::watchdog
