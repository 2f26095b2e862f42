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

// mount.efs writes its file before it mounts; an older one may be in between, or just writing.
constexpr Duration kMissingPatience{2000};
// What stops us may end, as a lack of descriptors does. With the jitter two minutes at most.
constexpr Duration kFirstRetry{5000};
constexpr Duration kLongestRetry{100000};
// Then a file that tells nothing, of a mount of which nothing else is left, is a leftover.
constexpr Duration kBrokenPatience{600000};

// Perhaps the next look is possible: what would be lost by going on without is worth the wait.
bool mayBeReadLater(const Error& error) {
  return error.kind() != ErrorKind::kNotFound && error.kind() != ErrorKind::kInvalidInput;
}

std::string titleOf(const std::string& name, const std::string& target) {
  if (target.empty()) return name + ": its state file is broken";
  return target + " is mounted without a state file";
}

}  // namespace

std::map<int, Rebuilder::Lost> Rebuilder::withoutRecord() const {
  std::map<int, Lost> missing;
  std::set<int> known;
  for (const auto& [name, mount] : context_.records) {
    // A record that was read once is enough, whatever its file says now.
    if (mount.readable) known.insert(mount.port);
    const bool broken = !mount.readable && !mount.pending && !mount.removal;
    if (broken && context_.view.mounted(mount.port) == Seen::kNo) {
      missing.emplace(mount.port, Lost{name, ""});
    }
  }
  for (const auto* entry : context_.view.tunnelled()) {
    const int port = *entry->tunnelPort();
    if (known.count(port) == 0) missing.emplace(port, Lost{"", entry->target});
  }
  return missing;
}

bool Rebuilder::isPatient(const Missing& missing, MonoTime now) {
  if (now >= missing.next) return false;
  if (missing.next != MonoTime::max()) {
    wake_ = std::min(wake_.value_or(MonoTime::max()), missing.next);
  }
  return true;
}

void Rebuilder::run() {
  const MonoTime now = context_.tools.clock.monotonic();
  // Anew each time: a state file that came late, or an unmount, ends the matter by itself.
  const auto missing = withoutRecord();
  std::erase_if(missing_since_,
                [&missing](const auto& known) { return missing.count(known.first) == 0; });
  wake_.reset();
  std::optional<std::map<int, pid_t>> tunnels;
  for (const auto& [port, lost] : missing) {
    Missing& wait =
        missing_since_.try_emplace(port, Missing{now, now + kMissingPatience}).first->second;
    if (isPatient(wait, now)) continue;
    if (!tunnels) {
      // Once for all, and only when one is due: a look at all processes costs most.
      auto found = context_.tools.processes.tunnelsByPort();
      if (!found) return retry(found.error());
      tunnels.emplace(std::move(*found));
    }
    wait.next =
        now + backOff(++wait.tries, kFirstRetry, kLongestRetry, context_.tools.chance.next());
    const auto tunnel = tunnels->find(port);
    tryOne(lost, port, wait, tunnel == tunnels->end() ? -1 : tunnel->second);
    (void)isPatient(wait, now);
  }
}

// Without a look at the processes a living tunnel would be taken for a dead one.
void Rebuilder::retry(const Error& error) {
  wake_ = context_.tools.clock.monotonic() + kMissingPatience;
  if (context_.novelty.isNew("rebuild", error.describe())) {
    context_.tools.log.error("tunnels cannot be looked at, trying again: {}", error.describe());
  }
}

void Rebuilder::tryOne(const Lost& lost, int port, Missing& missing, pid_t tunnel) {
  const auto name = lost.name.empty()
                        ? nameByPort(context_.tools.files, context_.store.directory(), port)
                        : Result<std::string>(lost.name);
  if (!name) return failed("port " + std::to_string(port), lost, name.error());
  if (name->empty()) {
    missing.next = MonoTime::max();
    return explainStranger(lost.target, port, tunnel);
  }
  auto recovered = recover(*name, lost.target, tunnel);
  if (recovered) {
    context_.novelty.clear("rebuild " + *name);
    context_.tools.log.warning("{}: {}", titleOf(*name, lost.target), recovered->how);
    return registry_.take(*name, std::move(recovered->state));
  }
  failed(*name, lost, recovered.error());
  const bool old = context_.tools.clock.monotonic() - missing.since >= kBrokenPatience;
  if (lost.target.empty() && old && !mayBeReadLater(recovered.error())) forgetBroken(*name);
}

void Rebuilder::failed(const std::string& name, const Lost& lost, const Error& error) {
  if (!context_.novelty.isNew("rebuild " + name, error.describe())) return;
  context_.tools.log.error("{}: {}", titleOf(name, lost.target), error.describe());
}

// The name ends in the port that the kernel uses, so the copy is of this mount.
Result<Rebuilder::Recovered> Rebuilder::recover(const std::string& name, const std::string& target,
                                                pid_t tunnel) {
  // The copy knows what nothing else does: the source of the credentials, without which the
  // certificate cannot be renewed.
  auto copy = context_.store.readCopy(name);
  if (!copy && mayBeReadLater(copy.error())) return copy.error();
  if (!copy) return rebuilt(name, target, tunnel);
  copy->pid = tunnel > 0 ? tunnel : -1;
  // It is mounted, so whatever unmount the copy speaks of is over.
  copy->unmount_time.reset();
  copy->unmount_count = 0;
  return Recovered{std::move(*copy), name + " restored from its copy"};
}

Result<Rebuilder::Recovered> Rebuilder::rebuilt(const std::string& name, const std::string& target,
                                                pid_t tunnel) {
  Tools& tools = context_.tools;
  const auto paths = context_.store.paths(name);
  EFS_TRY(text, tools.files.read(paths.tunnel_config));
  EFS_TRY(config, tunnel_control::TunnelConfig::parse(text, paths.tunnel_config));
  const auto binary = tools.processes.findTunnelProgram();
  std::optional<crypto::CertificateFacts> facts;
  if (const auto pem = tools.files.read(config.certificate)) {
    if (auto read = tools.certificates.facts(*pem, config.certificate)) facts = std::move(*read);
  }
  auto made = rebuildState(paths, target, config, facts ? &*facts : nullptr,
                           binary ? *binary : "/usr/bin/efs-proxy", tools.clock.now());
  if (tunnel > 0) made.state.pid = tunnel;
  return Recovered{std::move(made.state),
                   "rebuilt as " + name + " from its tunnel's configuration" +
                       (made.lost.empty() ? "" : "; lost: " + join(made.lost, ", "))};
}

// From now on it is judged like any other; decide() asks who uses the port before anything goes.
void Rebuilder::forgetBroken(const std::string& name) {
  MountRecord* const mount = context_.find(name);
  if (mount == nullptr) return;
  context_.tools.log.warning("{}: nothing of this mount is left but a broken state file", name);
  mount->readable = mount->due = true;
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
