#include "act/unmounter.h"

#include <algorithm>

namespace efs::watchdog {
namespace {

// The kernel ends a child after its deadline, unless it waits for what cannot be interrupted.
constexpr Duration kOverdueAfterDeadline{5000};
constexpr Duration kRetry{30000};
constexpr Duration kNoPlaceRetry{1000};
constexpr Duration kStrayRetry{5000};

}  // namespace

void Unmounter::noteUnmount(MountRecord& mount) {
  context_.tools.log.info("No mount found for \"{}\"", mount.name);
  if (mount.state.unmount_time) return;
  // Wall clock, in the form of efs-utils: after a change back, its watchdog counts from here
  // (WD-5).
  mount.state.unmount_time = secondsSinceEpoch(context_.tools.clock.now());
  help_.files.save(mount);
}

void Unmounter::clearUnmount(MountRecord& mount) {
  context_.tools.log.info("{}: mounted again", mount.name);
  mount.state.unmount_time.reset();
  mount.state.unmount_count = 0;
  help_.files.save(mount);
}

// A mount.efs that dies between the start of its tunnel and the note of its PID leaves a tunnel
// that nothing names.
void Unmounter::findStrayTunnel(MountRecord& mount) {
  if (mount.stray_search == MountRecord::Search::kRunning) return;
  mount.stray_search = MountRecord::Search::kRunning;
  const auto search = context_.tools.processes.search();
  help_.strays.find(mount.name, *search, [this, name = mount.name](const auto& found) {
    MountRecord* const waiting = context_.find(name);
    if (waiting != nullptr) strayFound(*waiting, found);
  });
}

void Unmounter::strayFound(MountRecord& mount, const Result<std::optional<pid_t>>& found) {
  if (!found) {
    mount.stray_search = MountRecord::Search::kNone;
    mount.wake = context_.tools.clock.monotonic() + kStrayRetry;
    return;
  }
  mount.stray_search = MountRecord::Search::kDone;
  mount.due = true;
  if (!*found) return;
  // The next scan adopts it, and then it ends like others.
  mount.state.pid = **found;
  mount.blind = context_.scan_due = true;
}

void Unmounter::remove(MountRecord& mount) {
  // Tunnel first, files last: without its files a tunnel that still runs could never be found
  // again.
  const bool noted = mount.state.pid && *mount.state.pid > 1;
  if (!noted && mount.stray_search != MountRecord::Search::kDone) return findStrayTunnel(mount);
  if (!mount.removal) mount.removal.emplace();
  continueRemoval(mount);
}

void Unmounter::continueRemoval(MountRecord& mount) {
  if (mount.busy(Task::kRemoval)) return tellOverdue(mount);
  // Mounted again through this port while the clean-up waited: its files are in use.
  if (context_.view.mounted(mount.port) == Seen::kYes) {
    mount.removal.reset();
    mount.due = true;
    return;
  }
  if (context_.tools.clock.monotonic() < mount.removal->next) {
    mount.wake = mount.removal->next;
    return;
  }
  startRemoval(mount);
}

void Unmounter::startRemoval(MountRecord& mount) {
  const MonoTime now = context_.tools.clock.monotonic();
  help_.jobs.abandon(mount);  // a renewal would write what is to go
  const JobRequest request = RemoveFiles{
      .directory = context_.store.directory(), .name = mount.name, .state = mount.state};
  if (help_.jobs.start(mount, Task::kRemoval, request)) {
    mount.removal->overdue =
        now + std::chrono::seconds(deadlineSeconds(request)) + kOverdueAfterDeadline;
    mount.wake = mount.removal->overdue;
  } else {
    mount.removal->next = now + kNoPlaceRetry;
    mount.wake = mount.removal->next;
  }
}

void Unmounter::tellOverdue(MountRecord& mount) {
  if (context_.tools.clock.monotonic() < mount.removal->overdue) {
    mount.wake = mount.removal->overdue;
    return;
  }
  mount.wake.reset();  // its end is an event
  if (!mount.novelty.isNew("removal", "overdue")) return;
  context_.tools.log.error(
      "{}: its clean-up waits in the kernel for the file system of {} and goes on when that "
      "answers",
      mount.name, context_.store.directory());
}

// While a state file is there somebody would adopt what is half gone.
bool Unmounter::mustRetry(MountRecord& mount, const Error& error) {
  const std::string reason = error.describe();
  mount.health.last_error = "clean-up: " + reason;
  if (mount.novelty.isNew("removal", reason)) {
    context_.tools.log.error("{}: {}", mount.name, reason);
  }
  const auto paths = context_.store.paths(mount.name);
  return context_.tools.files.stamp(paths.state).exists() ||
         context_.tools.files.stamp(paths.pending_state).exists();
}

void Unmounter::removalEnded(MountRecord& mount, const Result<std::string>& answer) {
  if (!answer && mustRetry(mount, answer.error())) {
    mount.removal->next = context_.tools.clock.monotonic() + kRetry;
    return;
  }
  if (answer) context_.tools.log.info("Cleaned up the state of {}", mount.name);
  // The state file is gone: the record must go with it, or the next mount of that name would
  // inherit a removal.
  help_.registry.forget(mount);
  context_.scan_due = true;  // whoever has made a mount of this name since then is found
  // A place among the jobs is free: whoever waits for one need not wait for its time.
  const auto waits = [](const auto& entry) {
    return entry.second.removal && !entry.second.busy(Task::kRemoval);
  };
  const auto next = std::find_if(context_.records.begin(), context_.records.end(), waits);
  if (next == context_.records.end()) return;
  next->second.removal->next = MonoTime{};
  next->second.due = true;
}

void Unmounter::retryAll() {
  for (auto& [name, mount] : context_.records) {
    // What was in the way (a full disk, a mount below the directory) may have ended without an
    // event that would tell.
    if (mount.removal) mount.removal->next = MonoTime{};
  }
}

}  // namespace efs::watchdog
