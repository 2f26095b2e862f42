// Mounts of tunnels that no state file tells about: adopted from what the kernel shows and what
// else lies in the state directory.
#include <algorithm>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "mounts/rebuild.h"
#include "repair/probes.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

constexpr unsigned kCommandLineDeadlineSeconds = 5;
// mount.efs writes its file before it mounts; an older one may be in between.
constexpr Duration kMissingPatience{2000};

}  // namespace

void Supervisor::rebuildMissing() {
  const MonoTime now = around_.clock.monotonic();
  std::set<int> known;
  for (const auto& [name, mount] : mounts_) {
    if (mount.readable) known.insert(mount.port);
  }
  std::map<int, const mounts::MountEntry*> missing;
  for (const auto* entry : around_.view.tunnelled()) {
    if (known.count(*entry->tunnelPort()) == 0) missing.emplace(*entry->tunnelPort(), entry);
  }
  for (auto it = missing_since_.begin(); it != missing_since_.end();) {
    it = missing.count(it->first) == 0 ? missing_since_.erase(it) : std::next(it);
  }
  next_rebuild_.reset();
  std::optional<std::map<int, pid_t>> tunnels;
  for (const auto& [port, entry] : missing) {
    Missing& wait = missing_since_.try_emplace(port, Missing{now, false}).first->second;
    if (wait.tried) continue;
    if (now - wait.since < kMissingPatience) {
      next_rebuild_ =
          std::min(next_rebuild_.value_or(MonoTime::max()), wait.since + kMissingPatience);
      continue;
    }
    if (!tunnels) {
      auto found = tunnel_control::tunnelsByPort();
      if (!found) return retryRebuild(found.error());
      tunnels.emplace(std::move(*found));
    }
    wait.tried = true;
    const auto tunnel = tunnels->find(port);
    rebuild(*entry, port, tunnel == tunnels->end() ? -1 : tunnel->second);
  }
}

// Without a look at the processes a living tunnel would be taken for a dead one.
void Supervisor::retryRebuild(const Error& error) {
  next_rebuild_ = around_.clock.monotonic() + kMissingPatience;
  if (novelty_.isNew("rebuild", error.describe())) {
    log::error("tunnels cannot be looked at, trying again: {}", error.describe());
  }
}

// The name ends in the port that the kernel uses, so the copy is of this mount.
bool Supervisor::restoreCopy(const std::string& name, const std::string& target, pid_t tunnel) {
  auto copy = store_.readCopy(name);
  if (!copy) return false;
  copy->pid = tunnel > 0 ? tunnel : -1;
  copy->unmount_time.reset();
  copy->unmount_count = 0;
  log::warning("{} is mounted without a state file: {} restored from its copy", target, name);
  if (const auto written = store_.write(name, *copy); !written) {
    log::error("{}: {}", name, written.error().describe());
  }
  scan_due_ = true;
  return true;
}

void Supervisor::rebuild(const mounts::MountEntry& entry, int port, pid_t tunnel) {
  const std::string name = nameByPort(store_.directory(), port);
  if (name.empty()) return explainStranger(entry.target, port, tunnel);
  if (restoreCopy(name, entry.target, tunnel)) return;
  const auto paths = store_.paths(name);
  const auto config = tunnel_control::TunnelConfig::load(paths.tunnel_config);
  const auto binary = tunnel_control::findTunnelBinary();
  if (!config) {
    return log::error("{} is mounted without a state file: {}", entry.target,
                      config.error().describe());
  }
  std::optional<crypto::CertificateFacts> facts;
  if (const auto pem = readFile(config->certificate)) {
    if (auto read = crypto::readCertificate(*pem, config->certificate)) facts = std::move(*read);
  }
  auto rebuilt = rebuildState(paths, entry.target, *config, facts ? &*facts : nullptr,
                              binary ? *binary : "/usr/bin/efs-proxy", around_.clock.now());
  if (tunnel > 0) rebuilt.state.pid = tunnel;
  log::warning(
      "{} is mounted without a state file: rebuilt as {} from its tunnel's configuration{}",
      entry.target, name, rebuilt.lost.empty() ? "" : "; lost: " + join(rebuilt.lost, ", "));
  const auto written = store_.write(name, rebuilt.state);
  if (!written) log::error("{}: {}", name, written.error().describe());
  scan_due_ = true;
}

// Perhaps a mount of another state directory or another program: its tunnel tells.
void Supervisor::explainStranger(const std::string& target, int port, pid_t tunnel) {
  if (tunnel <= 0) {
    return log::debug("{} is mounted through port {}, of which nothing is known here", target,
                      port);
  }
  const auto explain = [this, target, tunnel](const Result<std::string>& answer) {
    const auto words = answer ? decodeCommandLine(*answer) : std::vector<std::string>();
    const bool ours = std::any_of(words.begin(), words.end(), [this](const std::string& word) {
      return std::filesystem::path(word).parent_path() == store_.directory();
    });
    if (!ours) return log::debug("{} belongs to the tunnel {} of somebody else", target, tunnel);
    log::error(
        "{} is served by the tunnel {}, but its state and its tunnel's configuration are "
        "gone: it cannot be replaced when it ends",
        target, tunnel);
  };
  startLooseJob(
      kCommandLineDeadlineSeconds, [tunnel] { return askCommandLine(tunnel); }, explain);
}

}  // namespace efs::watchdog
