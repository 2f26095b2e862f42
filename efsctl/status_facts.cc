#include <map>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/crypto/certificate.h"
#include "efs/efsctl/status.h"
#include "efs/mounts/mount_table.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::efsctl {
namespace {

constexpr Duration kWatchdogPatience{2000};
constexpr Duration kStateLook{3000};

// By its mount's option netns.
bool servesElsewhere(const SeenMount& mount) {
  if (!mount.state) return false;
  const auto command = tunnel_control::TunnelCommand::parse(mount.state->cmd);
  return command && !command->netns.empty();
}

class Gatherer {
 public:
  Gatherer(const StatusOptions& options, const Clock& clock)
      : options_(options), store_(options.state_dir) {
    facts_.now = clock.now();
    facts_.now_monotonic = clock.monotonic();
  }

  Result<StatusFacts> run() {
    EFS_CHECK(usersPathAnswers(options_.state_dir + "/", kStateLook));
    if (!options_.mountinfo.empty()) EFS_CHECK(usersPathAnswers(options_.mountinfo, kStateLook));
    auto watchdog = tunnel_control::askWatchdogStatus(store_.watchdogSocket(), kWatchdogPatience);
    if (watchdog) {
      facts_.watchdog = std::move(*watchdog);
    } else {
      facts_.watchdog_error = watchdog.error().describe();
    }
    auto table = options_.mountinfo.empty() ? mounts::MountTable::readKernel()
                                            : mounts::MountTable::readFile(options_.mountinfo);
    if (table) table_ = std::move(*table);
    // A container's mounts may show the port of one of ours.
    if (options_.mountinfo.empty()) volumes_ = mounts::readVolumes("/proc/net").value_or("");
    facts_.table_read = table_.has_value();
    // In this order: a file renamed in between is seen twice rather than never.
    EFS_TRY(pending, store_.pendingNames());
    EFS_TRY(finished, store_.mountNames());
    for (const auto& name : pending) mounts_[name].pending = true;
    for (const auto& name : finished) mounts_[name].pending = false;
    if (facts_.watchdog) {
      for (const auto& known : facts_.watchdog->mounts) takeFromWatchdog(known);
    }
    for (auto& [name, mount] : mounts_) {
      mount.name = name;
      lookAtFiles(mount);
      lookAtTable(mount);
      lookAtCounters(mount);
      facts_.mounts.push_back(std::move(mount));
    }
    for (auto& mount : table_ ? directMounts(*table_) : std::vector<SeenMount>()) {
      facts_.mounts.push_back(std::move(mount));
    }
    return std::move(facts_);
  }

 private:
  void takeFromWatchdog(const tunnel_control::SupervisedMount& known) {
    SeenMount& mount = mounts_[known.name];
    mount.mounted = known.mounted;
    mount.tunnel_pid = known.tunnel_pid;
    mount.restarts = known.restarts;
    mount.last_error = known.last_error;
  }

  void lookAtFiles(SeenMount& mount) const {
    const auto paths = store_.paths(mount.name);
    auto state = mount.pending ? store_.readPending(mount.name) : store_.read(mount.name);
    if (state) mount.state = std::move(*state);
    auto config = tunnel_control::TunnelConfig::load(paths.tunnel_config);
    if (config) mount.tunnel_config = std::move(*config);
    if (!mount.state || mount.state->certificate.empty()) return;
    const auto pem = readFile(mount.state->certificate);
    if (!pem) return;
    const auto ends = crypto::certificateNotAfter(*pem, mount.state->certificate);
    if (ends) mount.certificate_ends = *ends;
  }

  // A watchdog's word about mounts and tunnels counts more: it may live in another namespace.
  void lookAtTable(SeenMount& mount) {
    const int port = state::parseMountName(mount.name)->port;
    if (table_) {
      const auto shown = table_->withTunnelPort(port);
      for (const auto* entry : servesElsewhere(mount) ? shown : ofNetwork(shown, volumes_)) {
        mount.mount_points.push_back(entry->target);
      }
    }
    if (mount.restarts) return;
    if (table_) mount.mounted = mount.mount_points.empty() ? Seen::kNo : Seen::kYes;
    if (!mount.state || !mount.state->pid) return;
    const auto found = finder_.find(*mount.state->pid, port);
    if (found) mount.tunnel_pid = found->process.pid();
  }

  // A page outlives a tunnel that was killed: only that of the living one counts.
  void lookAtCounters(SeenMount& mount) const {
    if (!mount.tunnel_pid) return;
    const auto reader = tunnel_control::CountersReader::open(
        tunnel_control::countersPath(store_.paths(mount.name).tunnel_config));
    if (!reader) return;
    auto counters = reader->read();
    if (counters && counters->facts.pid == *mount.tunnel_pid) mount.counters = *counters;
  }

  const StatusOptions& options_;
  const state::StateStore store_;
  std::optional<mounts::MountTable> table_;
  std::string volumes_;
  tunnel_control::TunnelFinder finder_;
  std::map<std::string, SeenMount> mounts_;
  StatusFacts facts_;
};

}  // namespace

Result<StatusFacts> gatherStatus(const StatusOptions& options, const Clock& clock) {
  return Gatherer(options, clock).run();
}

}  // namespace efs::efsctl
