#include "daemon/status_report.h"

#include <unistd.h>

namespace efs::watchdog {
namespace {

using tunnel_control::SupervisedMount;

// The first thing that fails: without a tunnel nothing works, without a renewal it works for a
// while, without a saved state file until the watchdog is replaced.
std::string presentError(const MountRecord& mount) {
  if (!mount.readable) return "its state file cannot be read";
  if (mount.progress.no_certificate_reported) return "its client certificate is missing";
  if (mount.progress.health.hung_since || mount.health.stale_answers > 0) {
    return mount.health.last_error;
  }
  for (const char* topic : {"start", "network", "renewal", "save"}) {
    std::string text = mount.novelty.text(topic);
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

tunnel_control::WatchdogStatus reportStatus(const Records& records, const MountView& view) {
  tunnel_control::WatchdogStatus status;
  status.pid = ::getpid();
  for (const auto& [name, mount] : records) {
    SupervisedMount& entry = status.mounts.emplace_back();
    entry.name = name;
    entry.pending = mount.pending;
    entry.mounted = view.mounted(mount.port);
    if (mount.tunnel && !mount.tunnel->ended()) entry.tunnel_pid = mount.tunnel->pid();
    entry.restarts = mount.restarts;
    entry.last_error = presentError(mount);
  }
  return status;
}

}  // namespace efs::watchdog
