// Does a mount hang, and the first steps of what is done about it. Nothing here asks a mount or a
// tunnel anything: counters are read, questions are asked by children.
#include <signal.h>

#include <algorithm>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_signals.h"
#include "observe/lock_table.h"
#include "observe/mount_stats.h"
#include "observe/unread_ports.h"
#include "repair/probes.h"
#include "repair/target_switch.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

constexpr Duration kShortestRound{1000};
constexpr std::size_t kMaxSockets = 64U << 20U;
constexpr std::size_t kMaxRpcCounters = 4096;

std::string seconds(Duration time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace

// One round for all mounts. For a tunnel with counters it is a look into shared memory.
void Supervisor::sampleAll() {
  const MonoTime now = around_.clock.monotonic();
  next_sample_.reset();
  if (policy_.health.hang <= Duration(0)) return;
  readKernelCounters(now);
  readSocketQueues(now);
  for (auto& [name, mount] : mounts_) {
    if (!mount.tunnel) continue;
    next_sample_ = now + std::max(kShortestRound, policy_.health.hang / 3);
    sample(mount, now);
    const auto stuck = mount.health.traffic.stuck(now);
    if (stuck >= kSuspicion || mount.progress.health.hung_since) mount.due = true;
  }
}

void Supervisor::sample(MountRecord& mount, MonoTime now) {
  Health& health = mount.health;
  if (!health.counters) return;
  auto counters = health.counters->read();
  if (!counters) return health.counters.reset();
  const auto& numbers = counters->numbers;
  if (numbers.reconnects != health.last.numbers.reconnects) mount.due = true;
  const PageContext context{health.generation, mount.busy(Task::kProbe)};
  health.traffic.note(Traffic::ofPage(numbers, context), now);
  health.last = std::move(*counters);
}

void Supervisor::openCounters(MountRecord& mount) {
  const auto command = tunnel_control::TunnelCommand::parse(mount.state.cmd);
  if (!command) return;
  auto reader =
      tunnel_control::CountersReader::open(tunnel_control::countersPath(command->config_path));
  if (!reader) return;
  auto counters = reader->read();
  // The page of its predecessor lies there until the new tunnel has made its own.
  if (!counters || counters->facts.pid != mount.tunnel->pid()) return;
  mount.health.last = std::move(*counters);
  mount.health.counters.emplace(std::move(*reader));
}

// For tunnels without counters: one file for all mounts.
void Supervisor::readKernelCounters(MonoTime now) {
  const bool wanted = std::any_of(mounts_.begin(), mounts_.end(), [](const auto& entry) {
    return entry.second.tunnel && !entry.second.health.counters;
  });
  if (!wanted || (next_kernel_counters_ && now < *next_kernel_counters_)) return;
  next_kernel_counters_ =
      now + std::min(settings_.watchdog.health_check_interval, policy_.health.hang);
  const auto stats = MountStats::read(around_.files.mountstats);
  if (!stats) return;
  for (auto& [name, mount] : mounts_) {
    const TransportCounters* counters = stats->of(mount.port);
    if (counters != nullptr && !mount.health.counters) mount.health.traffic.note(*counters, now);
  }
}

// While the NFS client sends nothing, nothing new can lie unread: an idle host reads one line.
void Supervisor::readSocketQueues(MonoTime now) {
  const MonoTime last_look = std::exchange(last_queue_look_, now).value_or(now);
  auto calls = readFile(around_.files.rpc_counters, kMaxRpcCounters);
  if (calls && *calls == last_rpc_counters_) return;
  last_rpc_counters_ = calls ? std::move(*calls) : std::string();
  const auto sockets = readFile(around_.files.sockets, kMaxSockets);
  if (!sockets) return;
  const auto ports = unreadPorts(*sockets);
  bool unread = false;
  for (auto& [name, mount] : mounts_) {
    const bool here = ports.count(mount.port) != 0;
    // While the upstream is not there the kernel's bytes are left unread, and the page tells since
    // when: a tunnel is not deaf for that.
    mount.health.traffic.noteUnread(here && mount.health.last.numbers.unread == 0, now, last_look);
    unread = unread || here;
  }
  if (unread) last_rpc_counters_.clear();  // look again even if no new call comes
}

void Supervisor::observeHealth(MountRecord& mount, Observation& seen) {
  HealthSeen& view = seen.health;
  Health& health = mount.health;
  if (!mount.tunnel) return;
  if (!health.counters) openCounters(mount);
  sample(mount, seen.now);
  view.stuck = health.traffic.stuck(seen.now);
  // Bytes also lie unread because the server does not take them; a probe knows the difference.
  view.deaf =
      health.ignored_probe || (!health.counters && health.traffic.deaf(policy_.health.hang));
  view.can_reconnect = health.counters.has_value();
  view.probe = mount.busy(Task::kProbe) ? Probe::kRunning : health.probe;
  if (health.counters) {
    view.reconnects = (health.generation << 32U) + health.last.numbers.reconnects;
  }
  view.in_table = seen.mounted == Seen::kYes;
  view.root = mount.busy(Task::kRoot) ? Root::kRunning : health.root;
  view.stale_answers = health.stale_answers;
  if (mount.progress.health.wantsLocks()) view.locks = locksOn(mount);
  view.away = health.home.has_value();
  view.home_answers = health.home_answers;
  view.move_running = mount.busy(Task::kFindTarget);
  view.remount_running = mount.busy(Task::kRemount);
}

Seen Supervisor::locksOn(const MountRecord& mount) const {
  const auto entries = around_.view.entries(mount.port);
  const auto table = around_.files.locks.empty() ? LockTable::readKernel()
                                                 : LockTable::readFile(around_.files.locks);
  if (!table || entries.empty()) return Seen::kUnknown;
  const bool held = std::any_of(entries.begin(), entries.end(),
                                [&](const auto* entry) { return table->heldOn(entry->device); });
  return held ? Seen::kYes : Seen::kNo;
}

void Supervisor::heal(MountRecord& mount, Remedy remedy) {
  switch (remedy) {
    case Remedy::kProbe:
      return probe(mount);
    case Remedy::kReportHang:
      return reportHang(mount);
    case Remedy::kReportProgress:
      mount.novelty.clear("target");
      if (mount.health.traffic.gaveUp()) {
        return log::info("{}: nothing waits for its server any more", mount.name);
      }
      return log::info("{}: answers again", mount.name);
    case Remedy::kReconnect:
      return reconnect(mount);
    case Remedy::kReplaceTunnel:
      return killTunnel(mount, "its mount hangs");
    case Remedy::kMoveTarget:
      return findTarget(mount);
    case Remedy::kCheckHome:
      return checkHome(mount);
    case Remedy::kReturnHome:
      return returnHome(mount);
    case Remedy::kCheckRoot:
      return checkRoot(mount);
    case Remedy::kRemount:
      return remount(mount);
  }
}

void Supervisor::probe(MountRecord& mount) {
  const int port = mount.port;
  mount.health.clients_before_probe = mount.health.last.numbers.connections_total;
  (void)startJob(mount, Task::kProbe, kProbeDeadlineSeconds, [port] { return askTunnel(port); });
}

void Supervisor::probeEnded(MountRecord& mount, const Result<std::string>& answer) {
  Health& health = mount.health;
  health.probe = judgeProbe(answer);
  if (!answer) log::debug("{}: probe: {}", mount.name, answer.error().describe());
  if (!health.counters) return;
  sample(mount, around_.clock.monotonic());
  // A tunnel that lives has at least taken the call from its socket.
  health.ignored_probe = health.probe == Probe::kSilent &&
                         health.last.numbers.connections_total == health.clients_before_probe;
}

void Supervisor::reportHang(MountRecord& mount) {
  const Health& health = mount.health;
  const auto stuck = health.traffic.stuck(around_.clock.monotonic()).value_or(Duration(0));
  std::string why = health.ignored_probe ? "its tunnel does not read" : "no answer from the server";
  if (health.probe == Probe::kAnswered) why = "the server answers other connections";
  if (!health.last.facts.error.empty()) why += "; last error: " + health.last.facts.error;
  mount.health.last_error = "hangs: " + why;
  log::warning("{}: hangs, calls have been waiting for {} while nothing came back: {}", mount.name,
               seconds(stuck), why);
}

void Supervisor::killTunnel(MountRecord& mount, const char* why) {
  log::warning("{}: replacing its tunnel {}: {}", mount.name, mount.tunnel->pid(), why);
  mount.health.ignored_probe = false;
  signalTunnel(mount, SIGKILL, "SIGKILL");
}

void Supervisor::reconnect(MountRecord& mount) {
  log::info("{}: asking its tunnel to connect anew", mount.name);
  signalTunnel(mount, tunnel_control::kReconnectSignal, "SIGUSR1");
}

void Supervisor::checkRoot(MountRecord& mount) {
  const auto point = around_.view.visiblePoint(mount.port);
  if (!point) return;
  (void)startJob(mount, Task::kRoot, kRootDeadlineSeconds, [&point] { return askRoot(*point); });
}

void Supervisor::rootEnded(MountRecord& mount, const Result<std::string>& answer) {
  Health& health = mount.health;
  health.root = judgeRoot(answer);
  health.stale_answers = health.root == Root::kStale ? health.stale_answers + 1 : 0;
  if (health.root != Root::kStale) return mount.novelty.clear("stale");
  health.last_error = "stale file handle";
  if (mount.novelty.isNew("stale", "stale")) {
    log::warning("{}: the server does not know the root of this mount any more (ESTALE)",
                 mount.name);
  }
}

}  // namespace efs::watchdog
