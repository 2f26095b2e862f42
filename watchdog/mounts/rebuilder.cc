#include "mounts/rebuilder.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "mounts/rebuild.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

// mount.efs writes its file before it mounts; an older one may be in between.
constexpr Duration kMissingPatience{2000};

}  // namespace

Rebuilder::Entries Rebuilder::withoutRecord() const {
  std::set<int> known;
  for (const auto& [name, mount] : context_.records) {
    if (mount.readable) known.insert(mount.port);
  }
  Entries missing;
  for (const auto* entry : context_.view.tunnelled()) {
    if (known.count(*entry->tunnelPort()) == 0) missing.emplace(*entry->tunnelPort(), entry);
  }
  return missing;
}

bool Rebuilder::patient(const Missing& missing, MonoTime now) {
  const MonoTime due = missing.since + kMissingPatience;
  if (now >= due) return false;
  wake_ = std::min(wake_.value_or(MonoTime::max()), due);
  return true;
}

void Rebuilder::run() {
  const MonoTime now = context_.tools.clock.monotonic();
  const Entries missing = withoutRecord();
  std::erase_if(missing_since_,
                [&missing](const auto& known) { return missing.count(known.first) == 0; });
  wake_.reset();
  std::optional<std::map<int, pid_t>> tunnels;
  for (const auto& [port, entry] : missing) {
    Missing& wait = missing_since_.try_emplace(port, Missing{now, false}).first->second;
    if (wait.tried || patient(wait, now)) continue;
    if (!tunnels) {
      auto found = context_.tools.processes.tunnelsByPort();
      if (!found) return retry(found.error());
      tunnels.emplace(std::move(*found));
    }
    wait.tried = true;
    const auto tunnel = tunnels->find(port);
    rebuild(*entry, port, tunnel == tunnels->end() ? -1 : tunnel->second);
  }
}

// Without a look at the processes a living tunnel would be taken for a dead one.
void Rebuilder::retry(const Error& error) {
  wake_ = context_.tools.clock.monotonic() + kMissingPatience;
  if (context_.novelty.isNew("rebuild", error.describe())) {
    context_.tools.log.error("tunnels cannot be looked at, trying again: {}", error.describe());
  }
}

void Rebuilder::write(const std::string& name, const state::MountState& state) {
  if (const auto written = context_.store.write(name, state); !written) {
    context_.tools.log.error("{}: {}", name, written.error().describe());
  }
  context_.scan_due = true;
}

// The name ends in the port that the kernel uses, so the copy is of this mount.
bool Rebuilder::restoreCopy(const std::string& name, const std::string& target, pid_t tunnel) {
  auto copy = context_.store.readCopy(name);
  if (!copy) return false;
  copy->pid = tunnel > 0 ? tunnel : -1;
  // It is mounted, so whatever unmount the copy speaks of is over.
  copy->unmount_time.reset();
  copy->unmount_count = 0;
  context_.tools.log.warning("{} is mounted without a state file: {} restored from its copy",
                             target, name);
  write(name, *copy);
  return true;
}

void Rebuilder::rebuild(const mounts::MountEntry& entry, int port, pid_t tunnel) {
  Tools& tools = context_.tools;
  const std::string name = nameByPort(tools.files, context_.store.directory(), port);
  if (name.empty()) return explainStranger(entry.target, port, tunnel);
  if (restoreCopy(name, entry.target, tunnel)) return;
  const auto paths = context_.store.paths(name);
  const auto text = tools.files.read(paths.tunnel_config);
  const auto config = text ? tunnel_control::TunnelConfig::parse(*text, paths.tunnel_config)
                           : Result<tunnel_control::TunnelConfig>(text.error());
  const auto binary = tools.processes.findTunnelProgram();
  if (!config) {
    return tools.log.error("{} is mounted without a state file: {}", entry.target,
                           config.error().describe());
  }
  std::optional<crypto::CertificateFacts> facts;
  if (const auto pem = tools.files.read(config->certificate)) {
    if (auto read = tools.certificates.facts(*pem, config->certificate)) facts = std::move(*read);
  }
  auto rebuilt = rebuildState(paths, entry.target, *config, facts ? &*facts : nullptr,
                              binary ? *binary : "/usr/bin/efs-proxy", tools.clock.now());
  if (tunnel > 0) rebuilt.state.pid = tunnel;
  tools.log.warning(
      "{} is mounted without a state file: rebuilt as {} from its tunnel's configuration{}",
      entry.target, name, rebuilt.lost.empty() ? "" : "; lost: " + join(rebuilt.lost, ", "));
  write(name, rebuilt.state);
}

bool Rebuilder::isOurs(const Result<std::string>& command_line) const {
  const auto words = command_line ? decodeCommandLine(*command_line) : std::vector<std::string>();
  return std::any_of(words.begin(), words.end(), [this](const std::string& word) {
    return std::filesystem::path(word).parent_path() == context_.store.directory();
  });
}

// Perhaps a mount of another state directory or another program: its tunnel tells.
void Rebuilder::explainStranger(const std::string& target, int port, pid_t tunnel) {
  if (tunnel <= 0) {
    return context_.tools.log.debug("{} is mounted through port {}, of which nothing is known here",
                                    target, port);
  }
  jobs_.startLoose(AskCommandLine{tunnel}, [this, target, tunnel](const auto& answer) {
    if (!isOurs(answer)) {
      return context_.tools.log.debug("{} belongs to the tunnel {} of somebody else", target,
                                      tunnel);
    }
    context_.tools.log.error(
        "{} is served by the tunnel {}, but its state and its tunnel's configuration are gone: it "
        "cannot be replaced when it ends",
        target, tunnel);
  });
}

}  // namespace efs::watchdog
