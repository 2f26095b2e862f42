#include "supervisor.h"

#include <algorithm>
#include <utility>

#include "act/read_ahead.h"
#include "judge/policy.h"

namespace efs::watchdog {
namespace {

constexpr Duration kTableRetry{5000};
// Between two readings of the mount table, which take milliseconds where thousands are mounted: a
// host full of containers changes it all the time.
constexpr Duration kTablePause{100};
constexpr Duration kIdleTablePause{1000};

}  // namespace

Supervisor::Supervisor(const Tools& tools, state::StateStore store, Identity identity)
    : context_(tools, std::move(store), std::move(identity)),
      jobs_(context_,
            [this](MountRecord& mount, Task task, const Result<std::string>& answer) {
              takeAnswer(mount, task, answer);
            }),
      registry_(context_, files_, adoption_, listeners_,
                [this](MountRecord& mount) { aboutToForget(mount); }) {}

void Supervisor::configure(const settings::Settings& settings) {
  context_.settings = settings;
  context_.policy = policyOf(settings);
  for (auto& [name, mount] : context_.records) mount.due = true;
}

void Supervisor::pause(bool paused) {
  if (paused_ && !paused) context_.scan_due = context_.table_due = true;
  paused_ = paused;
}

Status Supervisor::takeListener(const std::string& name, ListenerPtr listener) {
  return listeners_.take(name, std::move(listener));
}

void Supervisor::noteUnmounted(const std::string& name) {
  MountRecord* const mount = context_.find(name);
  if (mount == nullptr) return;
  mount->unmount_announced = true;
  context_.table_due = true;
}

void Supervisor::clockChanged() {
  for (auto& [name, mount] : context_.records) mount.due = true;
}

void Supervisor::retry() {
  if (paused_) return;
  for (auto& [name, mount] : context_.records) {
    if (mount.removal) continue;
    if (mount.unsaved) files_.save(mount);
    if (!mount.pending && !mount.unsaved) files_.restoreConfig(mount);
  }
  leftovers_.sweep();
  remounter_.sweepStaging();
}

bool Supervisor::isDue(const MountRecord& mount, MonoTime now) const {
  return mount.due || (mount.wake && *mount.wake <= now);
}

bool Supervisor::run() {
  if (paused_) return false;
  const bool scanned = registry_.scanIfDue();
  sampler_.runIfDue();
  const MonoTime now = context_.tools.clock.monotonic();
  const bool changed = context_.table_due && now >= next_table_;
  if (changed) {
    context_.table_due = false;
    next_table_ = now + (context_.records.empty() ? kIdleTablePause : kTablePause);
  }
  // The kernel tells when the table changes, so a mount last seen in it is still there and its dead
  // tunnel need not wait for the reading. Any other is judged by fresh facts, not by the last
  // event.
  const bool any =
      std::any_of(context_.records.begin(), context_.records.end(), [&](const auto& entry) {
        return isDue(entry.second, now) && !entry.second.progress.mounted_since;
      });
  const bool other_mounts = scanned && std::exchange(context_.records_changed, false);
  if (any || changed || other_mounts) context_.view.refresh();
  if (changed) unmounter_.retryAll();
  const auto rebuild_at = rebuilder_.wake();
  if (changed || other_mounts || (rebuild_at && now >= *rebuild_at)) rebuilder_.run();
  for (auto it = context_.records.begin(); it != context_.records.end();) {
    MountRecord& mount = it->second;
    ++it;
    if ((changed || isDue(mount, now)) && mount.readable && !mount.blind) evaluate(mount);
  }
  listeners_.expire();
  readTableAgain(now);
  return other_mounts;
}

// The event that could not be followed does not come again: one look later for all mounts.
void Supervisor::readTableAgain(MonoTime now) {
  if (context_.view.table() != nullptr || context_.table_due) return;
  context_.table_due = true;
  next_table_ = now + kTableRetry;
}

std::optional<MonoTime> Supervisor::wake() const {
  std::optional<MonoTime> next;
  const auto consider = [&next](MonoTime time) { next = next ? std::min(*next, time) : time; };
  if (paused_) return next;
  if (context_.next_sample) consider(*context_.next_sample);
  if (const auto rebuild_at = rebuilder_.wake()) consider(*rebuild_at);
  if (context_.scan_due) consider(registry_.earliestScan());
  const MonoTime now = context_.tools.clock.monotonic();
  if (context_.table_due) consider(std::max(now, next_table_));
  for (const auto& [name, mount] : context_.records) {
    if (!mount.readable || mount.blind) continue;
    if (mount.due) consider(now);
    if (mount.wake) consider(*mount.wake);
  }
  return next;
}

// What the record knows of the world is brought up to date, so that observe() only has to look.
void Supervisor::refresh(MountRecord& mount) {
  watch_.noteEnd(mount);
  if (context_.view.mounted(mount.port) == Seen::kYes) mount.unmount_announced = false;
  certificates_.refresh(mount);
  if (network_.foundElsewhere(mount)) network_mover_.search(mount);
  sampler_.sample(mount);
}

Decision Supervisor::judge(MountRecord& mount) {
  refresh(mount);
  const Observation seen = observer_.observe(mount);
  mount.renewal_waits = seen.certificate_due && !seen.renewal_running && !seen.renewal_possible;
  Policy policy = context_.policy;
  // A tunnel without counters is judged by the kernel's alone, with the old key's patience.
  if (!mount.health.page && policy.health.hang > Duration(0)) {
    policy.health.hang = context_.settings.watchdog.health_check_timeout;
  }
  Decision decision = decide(seen, mount.progress, policy);
  mount.root_waits = !seen.health.root_possible && decision.progress.health.root_wanted;
  return decision;
}

void Supervisor::evaluate(MountRecord& mount) {
  mount.due = false;
  // What is being removed is neither renewed, restarted nor healed.
  if (mount.removal) return unmounter_.continueRemoval(mount);
  const Decision decision = judge(mount);
  mount.progress = decision.progress;
  mount.wake = decision.wake;
  tell(mount, decision);
  for (const Action action : decision.actions) {
    carryOut(mount, action);
    if (action == Action::kRemoveMount) return;
  }
  for (const Remedy remedy : decision.remedies) healer_.heal(mount, remedy);
}

void Supervisor::tell(MountRecord& mount, const Decision& decision) {
  if (decision.because.empty()) return;
  mount.because = decision.because;
  for (const Reason& reason : decision.because) {
    context_.tools.log.debug("{}: {}: {}", mount.name, reason.what, reason.why);
  }
}

void Supervisor::carryOut(MountRecord& mount, Action action) {
  switch (action) {
    case Action::kPublish:
      context_.tools.log.warning(
          "{}: mounted, but its mount helper has not finished; taking over its state file",
          mount.name);
      files_.publish(mount.name);
      context_.scan_due = true;
      return;
    case Action::kStartTunnel:
      return keeper_.start(mount);
    case Action::kReportNoCertificate:
      return context_.tools.log.error(
          "Cannot restart stunnel because self-signed certificate at {} is missing",
          mount.state.certificate);
    case Action::kRenewCertificate:
      return renewer_.renew(mount);
    case Action::kNoteUnmount:
      return unmounter_.noteUnmount(mount);
    case Action::kCheckReadAhead:
      return checkReadAhead(mount, context_);
    case Action::kClearUnmount:
      return unmounter_.clearUnmount(mount);
    case Action::kTerminateTunnel:
      return keeper_.terminate(mount);
    case Action::kKillTunnel:
      return keeper_.kill(mount);
    case Action::kRemoveMount:
      return unmounter_.remove(mount);
  }
}

void Supervisor::takeAnswer(MountRecord& mount, Task task, const Result<std::string>& answer) {
  switch (task) {
    case Task::kRenewal:
      return renewer_.renewed(mount, answer);
    case Task::kProbe:
      return healer_.probeEnded(mount, answer);
    case Task::kRoot:
      return healer_.rootEnded(mount, answer);
    case Task::kHome:
      return mover_.homeAnswered(mount, answer);
    case Task::kFindTarget:
      return mover_.targetFound(mount, answer);
    case Task::kFindNetwork:
      return network_mover_.found(mount, answer);
    case Task::kRemount:
      return remounter_.ended(mount, answer);
    case Task::kRemoval:
      return unmounter_.removalEnded(mount, answer);
  }
}

void Supervisor::aboutToForget(MountRecord& mount) {
  jobs_.abandon(mount);
  remounter_.giveUp(std::exchange(mount.health.successor, ""));
}

std::string Supervisor::summary() const {
  std::size_t running = 0;
  for (const auto& [name, mount] : context_.records) running += mount.tunnel ? 1U : 0U;
  return fmt::format("{} mounts, {} tunnels running", context_.records.size(), running);
}

}  // namespace efs::watchdog
