#include "observe/health_sampler.h"

#include <algorithm>
#include <set>
#include <utility>

namespace efs::watchdog {
namespace {

constexpr Duration kShortestRound{1000};

// A tunnel that reads or writes at all does so for every connection, however late it is.
bool movedBytes(const tunnel_control::TunnelNumbers& before,
                const tunnel_control::TunnelNumbers& now) {
  return now.bytes_up > before.bytes_up || now.bytes_down > before.bytes_down ||
         now.connections_total > before.connections_total;
}

}  // namespace

// For a tunnel with a page it is a look into shared memory.
void HealthSampler::runIfDue() {
  const MonoTime now = context_.tools.clock.monotonic();
  const Duration hang = context_.policy.health.hang;
  if (!context_.next_sample || now < *context_.next_sample) return;
  const auto late = std::chrono::duration_cast<Duration>(now - *context_.next_sample);
  context_.lateness = std::max(std::min(late, kMaxStretch / kStretch), context_.lateness / 2);
  if (late >= kStandstill) context_.woke = now;
  context_.next_sample.reset();
  if (hang <= Duration(0)) return;
  readKernelCounters(now);
  readSocketQueues(now);
  for (auto& [name, mount] : context_.records) {
    if (!mount.tunnel) continue;
    context_.next_sample = now + std::max(kShortestRound, hang / 3);
    if (mount.health.page) sample(mount);
    const auto stuck = mount.health.traffic.stuck(now);
    if (stuck >= kSuspicion || mount.progress.health.hung_since) mount.due = true;
  }
}

void HealthSampler::sample(MountRecord& mount) const {
  Health& health = mount.health;
  if (!mount.tunnel) return;
  if (!health.page) openPage(mount);
  if (!health.page) return;
  auto counters = health.page->read();
  if (!counters) return health.page.reset();
  const auto& numbers = counters->numbers;
  if (numbers.reconnects != health.last.numbers.reconnects) mount.due = true;
  if (movedBytes(health.last.numbers, numbers)) health.ignored_probe = false;
  const PageContext context{health.generation, mount.busy(Task::kProbe)};
  health.traffic.note(Traffic::ofPage(numbers, context), context_.tools.clock.monotonic());
  health.last = std::move(*counters);
}

void HealthSampler::openPage(MountRecord& mount) const {
  if (!mount.command) return;
  const std::string path = tunnel_control::countersPath(mount.command->config_path);
  auto page = context_.tools.processes.openPage(path);
  if (!page) return;
  auto counters = (*page)->read();
  // The page of its predecessor lies there until the new tunnel has made its own.
  if (!counters || counters->facts.pid != mount.tunnel->pid()) return;
  mount.health.last = std::move(*counters);
  mount.health.page = std::move(*page);
}

// For tunnels without a page: one file for all mounts.
void HealthSampler::readKernelCounters(MonoTime now) {
  const bool wanted = std::any_of(
      context_.records.begin(), context_.records.end(),
      [](const auto& entry) { return entry.second.tunnel && !entry.second.health.page; });
  if (!wanted || (next_kernel_counters_ && now < *next_kernel_counters_)) return;
  next_kernel_counters_ =
      now + std::min(context_.settings.watchdog.health_check_interval, context_.policy.health.hang);
  const auto stats = context_.tools.kernel.mountStats();
  if (!stats) return;
  for (auto& [name, mount] : context_.records) {
    const TransportCounters* counters = stats->of(mount.port);
    if (counters == nullptr || mount.health.page) continue;
    mount.health.traffic.note(*counters, now);
    // Such a tunnel ends the kernel's connection with its own.
    if (mount.health.connects != counters->connects) mount.due = true;
    mount.health.connects = counters->connects;
  }
}

// While the NFS client sends nothing, nothing new can lie unread: an idle host reads one line.
void HealthSampler::readSocketQueues(MonoTime now) {
  const MonoTime last_look = std::exchange(last_queue_look_, now).value_or(now);
  auto calls = context_.tools.kernel.rpcCounters();
  if (calls && *calls == last_rpc_counters_) return;
  last_rpc_counters_ = calls ? std::move(*calls) : std::string();
  const auto ports = context_.tools.kernel.unreadPorts();
  if (!ports) return;
  bool unread = false;
  for (auto& [name, mount] : context_.records) {
    const bool here = ports->count(mount.port) != 0;
    // While the upstream is not there the kernel's bytes are left unread, and the page tells since
    // when: a tunnel is not deaf for that.
    mount.health.traffic.noteUnread(here && mount.health.last.numbers.unread == 0, now, last_look);
    unread = unread || here;
  }
  if (unread) last_rpc_counters_.clear();  // look again even if no new call comes
}

}  // namespace efs::watchdog
