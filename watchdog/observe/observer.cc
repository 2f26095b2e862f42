#include "observe/observer.h"

#include <algorithm>

#include "act/renewal.h"
#include "efs/procfs/processes.h"

namespace efs::watchdog {
namespace {

// Where the kernel shows the sockets and NFS clients of this mount; nullopt: nowhere we can look.
std::optional<std::string> networkView(const MountRecord& mount) {
  if (!mount.command || mount.command->netns.empty()) return "";
  if (!mount.tunnel) return std::nullopt;
  return procfs::ofProcess(mount.tunnel->pid(), "net");
}

// Clamped: a nonsensical time in the file must not overflow.
Duration ageOf(double mount_time, WallTime now) {
  const double seconds = secondsSinceEpoch(now);
  const double age = std::clamp(seconds - mount_time, -1e9, 1e9);
  return Duration(static_cast<Duration::rep>(age * 1000));
}

}  // namespace

Observation Observer::observe(const MountRecord& mount) const {
  Observation seen;
  seen.now = context_.tools.clock.monotonic();
  seen.chance = context_.tools.chance.next();
  if (mount.pending) observePending(mount, seen);
  if (mount.state.mount_time) {
    seen.age = ageOf(*mount.state.mount_time, context_.tools.clock.now());
  }
  seen.unmount_recorded = mount.state.unmount_time.has_value() || mount.state.unmount_count != 0;
  seen.tunnel_alive = mount.tunnel != nullptr;
  seen.mounted = context_.view.mounted(mount.port);
  if (seen.mounted == Seen::kNo) observePort(mount, seen);
  seen.unmount_announced = mount.unmount_announced && seen.mounted != Seen::kYes;
  seen.renewal_running = mount.busy(Task::kRenewal);
  seen.renewal_possible = jobs_.running(Task::kRenewal) < kMaxRenewals;
  certificates_.observe(mount, seen);
  if (mount.tunnel) observeHealth(mount, seen);
  if (mount.health.page) {
    const auto& numbers = mount.health.last.numbers;
    seen.client_came = numbers.connections_total > numbers.questions ? Seen::kYes : Seen::kNo;
  }
  return seen;
}

void Observer::observePending(const MountRecord& mount, Observation& seen) const {
  seen.pending = true;
  const auto held = context_.store.pendingHeld(mount.name);
  if (held) seen.helper = toSeen(*held);
  seen.being_made = isBeingMade(mount.name);
  seen.given_up = mount.health.given_up;
}

bool Observer::isBeingMade(const std::string& name) const {
  return std::any_of(context_.records.begin(), context_.records.end(), [&](const auto& entry) {
    return entry.second.health.successor == name && entry.second.busy(Task::kRemount);
  });
}

void Observer::observePort(const MountRecord& mount, Observation& seen) const {
  const auto network = networkView(mount);
  if (!network) return;
  seen.kernel_client = context_.view.kernelClient(mount.port, *network);
  if (seen.kernel_client == Seen::kYes) return;
  seen.connected = context_.view.connected(mount.port, *network);
}

void Observer::observeHealth(const MountRecord& mount, Observation& seen) const {
  HealthSeen& view = seen.health;
  const Health& health = mount.health;
  view.stuck = health.traffic.stuck(seen.now);
  view.lateness = context_.lateness;
  if (context_.woke) {
    view.awake = std::chrono::duration_cast<Duration>(seen.now - *context_.woke);
  }
  // Bytes also lie unread because the server does not take them; a probe knows the difference.
  view.deaf =
      health.ignored_probe || (!health.page && health.traffic.deaf(context_.policy.health.hang));
  view.can_reconnect = health.page != nullptr;
  view.probe = mount.busy(Task::kProbe) ? Probe::kRunning : health.probe;
  if (health.page) {
    view.reconnects = (health.generation << 32U) + health.last.numbers.reconnects;
  } else {
    view.reconnects = health.connects;
  }
  view.in_table = seen.mounted == Seen::kYes;
  view.root = mount.busy(Task::kRoot) ? Root::kRunning : health.root;
  view.root_possible = jobs_.hasRoom(Task::kRoot);
  view.stale_answers = health.stale_answers;
  if (mount.progress.health.wantsLocks()) view.locks = locksOn(mount);
  view.away = health.home.has_value();
  view.home_answers = health.home_answers;
  view.move_running = mount.busy(Task::kFindTarget);
  view.remount_running = mount.busy(Task::kRemount);
}

Seen Observer::locksOn(const MountRecord& mount) const {
  const auto entries = context_.view.entries(mount.port);
  const auto table = context_.tools.kernel.locks();
  if (!table || entries.empty()) return Seen::kUnknown;
  const bool held = std::any_of(entries.begin(), entries.end(),
                                [&](const auto* entry) { return table->heldOn(entry->device); });
  return toSeen(held);
}

}  // namespace efs::watchdog
