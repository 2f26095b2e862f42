// The files of a mount that is gone are removed by a child: the loop never waits for a file system.
#include <algorithm>
#include <string>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

constexpr unsigned kDeadlineSeconds = 20;
// SIGALRM ends a child at once, unless it waits in the kernel for what cannot be interrupted.
constexpr Duration kOverdue{(kDeadlineSeconds + 5) * 1000};
constexpr Duration kRetry{30000};
constexpr Duration kNoPlaceRetry{1000};

}  // namespace

void Supervisor::remove(MountRecord& mount) {
  if (!mount.removal) mount.removal.emplace();
  continueRemoval(mount);
}

// The decision stands until it is carried out, or until somebody uses the mount again.
void Supervisor::continueRemoval(MountRecord& mount) {
  const MonoTime now = around_.clock.monotonic();
  if (mount.busy(Task::kRemoval)) return tellOverdue(mount);
  if (around_.view.mounted(mount.port) == Seen::kYes) {
    mount.removal.reset();
    mount.due = true;
    return;
  }
  if (now < mount.removal->next) {
    mount.wake = mount.removal->next;
    return;
  }
  startRemoval(mount);
}

void Supervisor::startRemoval(MountRecord& mount) {
  const MonoTime now = around_.clock.monotonic();
  abandonJobs(mount);  // a renewal would write what is to go
  const auto job = [this, &mount]() -> Result<std::string> {
    EFS_CHECK(store_.removeMount(mount.name, &mount.state));
    return std::string();
  };
  if (startJob(mount, Task::kRemoval, kDeadlineSeconds, job)) {
    mount.removal->overdue = now + kOverdue;
    mount.wake = mount.removal->overdue;
  } else {
    mount.removal->next = now + kNoPlaceRetry;
    mount.wake = mount.removal->next;
  }
}

void Supervisor::tellOverdue(MountRecord& mount) {
  if (around_.clock.monotonic() < mount.removal->overdue) {
    mount.wake = mount.removal->overdue;
    return;
  }
  mount.wake.reset();  // its end is an event
  if (!mount.novelty.isNew("removal", "overdue")) return;
  log::error(
      "{}: its clean-up waits in the kernel for the file system of {} and goes on when that "
      "answers",
      mount.name, store_.directory());
}

void Supervisor::removalEnded(MountRecord& mount, const Result<std::string>& answer) {
  const std::string name = mount.name;
  if (!answer) {
    const std::string reason = answer.error().describe();
    mount.health.last_error = "clean-up: " + reason;
    if (mount.novelty.isNew("removal", reason)) log::error("{}: {}", name, reason);
    const auto paths = store_.paths(name);
    if (fileExists(paths.state) || fileExists(paths.pending_state)) {
      mount.removal->next = around_.clock.monotonic() + kRetry;
      return;
    }
  }
  if (answer) log::info("Cleaned up the state of {}", name);
  forget(mount);
  scan_due_ = true;  // whoever has made a mount of this name since then is found
  const auto waits = [](const auto& entry) {
    return entry.second.removal && !entry.second.busy(Task::kRemoval);
  };
  const auto next = std::find_if(mounts_.begin(), mounts_.end(), waits);
  if (next == mounts_.end()) return;
  next->second.due = true;
}

// What was in the way may be gone.
void Supervisor::retryRemovals() {
  for (auto& [name, mount] : mounts_) {
    if (mount.removal) mount.removal->next = MonoTime{};
  }
}

}  // namespace efs::watchdog
