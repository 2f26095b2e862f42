#include "mounts/adoption.h"

#include <utility>

#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

// A tunnel accepts in milliseconds, even a busy one.
constexpr Duration kUnacceptedPatience{3000};
// The kernel's last words to the server come within half a lease (45 s).
constexpr Duration kUnneededPatience{60000};
constexpr Duration kSearchInterval{60000};
constexpr std::int64_t kMaxPid = 1 << 22;  // PID_MAX_LIMIT

}  // namespace

void Adoption::adopt(MountRecord& mount, TunnelSearch& search) {
  mount.blind = mount.forbidden = false;
  for (const pid_t pid : candidates(mount)) {
    if (adoptProcess(mount, search, pid)) return;
  }
  if (!mount.blind && adoptByPort(mount, search)) return;
  // What may not be looked at is neither alive nor dead by that; whether anybody serves is seen at
  // the port.
  if (!mount.blind || !mount.forbidden) return mount.unneeded_since.reset();
  // Whoever the file names, the tunnel may be another process, which may be looked at.
  if (searchIsDue(mount) && adoptByPort(mount, search)) return;
  if (!nobodyServes(mount, search) && !nobodyNeeds(mount)) return;
  context_.tools.log.warning("{}: nobody serves port {}, its tunnel is taken for dead", mount.name,
                             mount.port);
  mount.blind = false;
}

std::vector<pid_t> Adoption::candidates(const MountRecord& mount) const {
  // The state file first. The pid file helps after a crash between the start of a tunnel and the
  // note of its pid; it is as little a proof as the other.
  std::vector<pid_t> pids;
  if (mount.state.pid) pids.push_back(*mount.state.pid);
  const auto text = context_.tools.files.read(context_.store.paths(mount.name).pid_file, 64);
  const auto pid = text ? parseInt(trim(*text)) : std::nullopt;
  if (pid && *pid > 1 && *pid <= kMaxPid && mount.state.pid != *pid) {
    pids.push_back(static_cast<pid_t>(*pid));
  }
  return pids;
}

bool Adoption::adoptProcess(MountRecord& mount, TunnelSearch& search, pid_t pid) {
  auto found = search.find(pid, mount.port);
  if (!found) {
    noteFailure(mount, found.error());
    return false;
  }
  take(mount, std::move(*found));
  return true;
}

// Not to be able to look is no proof that it is dead.
void Adoption::noteFailure(MountRecord& mount, const Error& error) {
  context_.tools.log.debug("{}: {}", mount.name, error.describe());
  if (error.kind() == ErrorKind::kNotFound) return;
  mount.forbidden = (!mount.blind || mount.forbidden) && error.kind() == ErrorKind::kPermission;
  mount.blind = true;
  if (context_.novelty.isNew("blind", error.describe())) {
    context_.tools.log.error("tunnels cannot be looked at, trying again: {}", error.describe());
  }
}

void Adoption::take(MountRecord& mount, HeldTunnel found) {
  mount.blind = mount.forbidden = false;
  mount.unaccepted.reset();
  const pid_t pid = found.tunnel->pid();
  // A duplicate, while its owner lives: when the tunnel dies the port stays open.
  if (!mount.listener && found.listener) {
    mount.listener = std::move(found.listener);
    context_.tools.listeners.storeListener(mount.name, *mount.listener);
  }
  // The pidfd was opened before the process was looked at, so what ends is what was seen.
  watch_.begin(mount, std::move(found.tunnel));
  Log& log = context_.tools.log;
  log.info("{}: supervising the tunnel with PID {} on port {}{}", mount.name, pid, mount.port,
           mount.listener ? "" : ", without its listening socket");
  if (mount.state.pid == pid) return;
  // Before its helper has written one there is nothing that it could contradict.
  if (mount.state.pid) {
    log.warning("Stunnel pid mismatch in state file {}: {} is running", mount.name, pid);
  }
  mount.state.pid = pid;
  // A pending file is its helper's, which writes the pid itself.
  if (!mount.pending) files_.save(mount);
}

// The file's pid is no tunnel, but somebody listens: a tunnel that the file does not know is better
// than a second one beside it. One look at all processes, for all mounts of a scan.
bool Adoption::adoptByPort(MountRecord& mount, TunnelSearch& search) {
  if (mount.pending) return false;
  const auto sockets = search.sockets();
  if (!sockets || (*sockets)->listeners(mount.port).empty()) return false;
  // Without a number the listener may be our own, each time.
  const bool has_number = mount.state.pid && *mount.state.pid > 1;
  if (!has_number && !searchIsDue(mount)) return false;
  const auto pid = search.byPort(mount.port);
  return pid && *pid && adoptProcess(mount, search, **pid);
}

// A look at all processes costs most of all looks.
bool Adoption::searchIsDue(MountRecord& mount) const {
  const MonoTime now = context_.tools.clock.monotonic();
  if (mount.searched && now - *mount.searched < kSearchInterval) return false;
  mount.searched = now;
  return true;
}

// Nothing will ever come to the port of a mount that is gone, whoever serves it.
bool Adoption::nobodyNeeds(MountRecord& mount) const {
  const bool ours = mount.command && mount.command->netns.empty();
  const MountView& view = context_.view;
  if (!ours || view.mounted(mount.port) != Seen::kNo ||
      view.kernelClient(mount.port, "") != Seen::kNo ||
      view.connected(mount.port, "") != Seen::kNo) {
    mount.unneeded_since.reset();
    return false;
  }
  const MonoTime now = context_.tools.clock.monotonic();
  if (!mount.unneeded_since) mount.unneeded_since = now;
  return now - *mount.unneeded_since >= kUnneededPatience;
}

// Nobody listens; or connections have been waiting for a while that a tunnel would have accepted.
bool Adoption::nobodyServes(MountRecord& mount, TunnelSearch& search) const {
  // Its port is not one of our network.
  if (!mount.command || !mount.command->netns.empty()) return false;
  const auto sockets = search.sockets();
  if (!sockets) return false;
  if ((*sockets)->listeners(mount.port).empty()) return true;
  // A frozen or starved one has accepted connections; those of a dead one are closed.
  if ((*sockets)->hasAccepted(mount.port) || !(*sockets)->hasUnaccepted(mount.port)) {
    mount.unaccepted.reset();
    return false;
  }
  const MonoTime now = context_.tools.clock.monotonic();
  // Where we come late, we stood still or had no processor, and so had whoever would accept.
  const bool late = mount.unaccepted && now - mount.unaccepted->seen > 2 * kUnacceptedRetry;
  if (!mount.unaccepted || late) mount.unaccepted.emplace(MountRecord::Unaccepted{now, now});
  mount.unaccepted->seen = now;
  return now - mount.unaccepted->since >= kUnacceptedPatience;
}

}  // namespace efs::watchdog
