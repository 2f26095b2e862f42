// From the state directory to records: which mounts there are, and which processes serve them.
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

// A socket without a state file belongs to a mount that is about to write one, or to one that
// failed and must not keep its port.
constexpr Duration kListenerPatience{30000};
constexpr Duration kLongestScanPause{1000};
constexpr Duration kBlindRetry{5000};
constexpr Duration kUnacceptedRetry{1000};
// A tunnel accepts in milliseconds, even a busy one.
constexpr Duration kUnacceptedPatience{3000};

}  // namespace

// In a storm of changes one look serves many: at most a tenth of the time is spent on it.
void Supervisor::scanOnce() {
  const MonoTime begin = around_.clock.monotonic();
  scan_due_ = false;
  blind_ = false;
  scan();
  const MonoTime end = around_.clock.monotonic();
  earliest_scan_ = end + std::min<MonoTime::duration>(9 * (end - begin), kLongestScanPause);
  if (!blind_) return novelty_.clear("blind");
  scan_due_ = true;
  const bool waiting = std::any_of(mounts_.begin(), mounts_.end(), [](const auto& entry) {
    return entry.second.blind && entry.second.unaccepted_since;
  });
  earliest_scan_ = end + (waiting ? kUnacceptedRetry : kBlindRetry);
}

void Supervisor::scan() {
  table_fresh_ = false;
  // Pending names first: a file renamed in between is then seen twice rather than never.
  const auto pending = store_.pendingNames();
  const auto finished = store_.mountNames();
  if (!pending || !finished) {
    const Error& error = pending ? finished.error() : pending.error();
    log::error("the state directory cannot be read: {}", error.describe());
    return;
  }
  std::map<std::string, bool> names;  // name -> pending
  for (const auto& name : *pending) names[name] = true;
  for (const auto& name : *finished) names[name] = false;
  forgetMissing(names);
  for (const auto& [name, is_pending] : names) load(name, is_pending);
  TunnelFinder finder;
  for (auto& [name, mount] : mounts_) {
    const bool wanted = mount.readable && !mount.tunnel && !mount.removal;
    if (wanted && (mount.due || mount.blind)) adopt(mount, finder);
    blind_ = blind_ || mount.blind;
  }
}

void Supervisor::load(const std::string& name, bool pending) {
  MountRecord& mount = mounts_[name];
  if (mount.name.empty()) {
    records_changed_ = true;
    mount.name = name;
    mount.renewal_spread = around_.chance();
    mount.port = state::parseMountName(name)->port;
    if (auto waiting = waiting_listeners_.extract(name)) {
      mount.listener = std::move(waiting.mapped().fd);
    }
  }
  const auto paths = store_.paths(name);
  const FileStamp stamp = FileStamp::of(pending ? paths.pending_state : paths.state);
  if (!mount.state.certificate.empty() &&
      FileStamp::of(mount.state.certificate) != mount.certificate_stamp) {
    mount.due = true;
  }
  if (mount.tunnel && !mount.health.counters) mount.due = true;  // its page may be there now
  if (stamp == mount.stamp && pending == mount.pending) return;
  mount.stamp = stamp;
  mount.pending = pending;
  read(mount);
}

// Somebody may have written it since the last scan: what is saved next must not undo that.
void Supervisor::readIfChanged(MountRecord& mount) {
  const auto paths = store_.paths(mount.name);
  const FileStamp stamp = FileStamp::of(mount.pending ? paths.pending_state : paths.state);
  if (!stamp.exists() || stamp == mount.stamp) return;
  mount.stamp = stamp;
  read(mount);
}

void Supervisor::read(MountRecord& mount) {
  const auto paths = store_.paths(mount.name);
  auto state = mount.pending ? store_.readPending(mount.name) : store_.read(mount.name);
  if (state) {
    mount.state = std::move(*state);
    mount.readable = mount.due = true;
    if (mount.state.mount_state_dir == mount.name + "+") around_.watch_directory(paths.secret_dir);
    readHome(mount);
    return;
  }
  if (state.error().kind() == ErrorKind::kNotFound) return;  // the next scan forgets it
  records_changed_ = true;
  // WD-10. What was read before is still the best knowledge of a mount that is in use.
  log::error("Unable to parse json in {}: {}", mount.pending ? paths.pending_state : paths.state,
             state.error().describe());
}

std::vector<pid_t> Supervisor::candidates(const MountRecord& mount) const {
  std::vector<pid_t> pids;
  if (mount.state.pid) pids.push_back(*mount.state.pid);
  const auto text = readFile(store_.paths(mount.name).pid_file, 64);
  const auto pid = text ? parseInt(trim(*text)) : std::nullopt;
  if (pid && *pid > 1 && *pid <= 1 << 22 && mount.state.pid != *pid) {
    pids.push_back(static_cast<pid_t>(*pid));
  }
  return pids;
}

void Supervisor::adopt(MountRecord& mount, TunnelFinder& finder) {
  mount.blind = mount.forbidden = false;
  for (const pid_t pid : candidates(mount)) {
    if (adoptProcess(mount, finder, pid)) return;
  }
  if (!mount.blind && adoptByPort(mount, finder)) return;
  // What may not be looked at is neither alive nor dead by that; whether anybody serves is seen at
  // the port.
  if (mount.blind && mount.forbidden && nobodyServes(mount, finder)) {
    log::warning("{}: nobody serves port {}, its tunnel is taken for dead", mount.name, mount.port);
    mount.blind = false;
  }
}

bool Supervisor::adoptProcess(MountRecord& mount, TunnelFinder& finder, pid_t pid) {
  auto found = finder.find(pid, mount.port);
  if (!found) {
    const Error& error = found.error();
    log::debug("{}: {}", mount.name, error.describe());
    if (error.kind() == ErrorKind::kNotFound) return false;
    // Not to be able to look is no proof that it is dead.
    mount.forbidden = (!mount.blind || mount.forbidden) && error.kind() == ErrorKind::kPermission;
    mount.blind = true;
    if (novelty_.isNew("blind", error.describe())) {
      log::error("tunnels cannot be looked at, trying again: {}", error.describe());
    }
    return false;
  }
  mount.blind = mount.forbidden = false;
  mount.unaccepted_since.reset();
  mount.tunnel.emplace(std::move(found->process));
  if (!mount.listener.valid() && found->listener.valid()) {
    mount.listener = std::move(found->listener);
    around_.manager.storeListener(mount.name, mount.listener);
  }
  watchTunnel(mount);
  ++mount.health.generation;
  log::info("{}: supervising the tunnel with PID {} on port {}{}", mount.name, pid, mount.port,
            mount.listener.valid() ? "" : ", without its listening socket");
  if (mount.state.pid == pid) return true;
  // Before its helper has written one there is nothing that it could contradict.
  if (mount.state.pid)
    log::warning("Stunnel pid mismatch in state file {}: {} is running", mount.name, pid);
  mount.state.pid = pid;
  if (!mount.pending) save(mount);
  return true;
}

// The file's pid is no tunnel, but somebody listens: a tunnel that the file does not know is better
// than a second one beside it. One look at all processes, for all mounts of a scan.
bool Supervisor::adoptByPort(MountRecord& mount, TunnelFinder& finder) {
  if (mount.pending || !mount.state.pid || *mount.state.pid <= 1) return false;
  const auto sockets = finder.ownSockets();
  if (!sockets || (*sockets)->listeners(mount.port).empty()) return false;
  const auto pid = finder.byPort(mount.port);
  return pid && *pid && adoptProcess(mount, finder, **pid);
}

// Nobody listens; or connections have been waiting for a while that a tunnel would have accepted.
bool Supervisor::nobodyServes(MountRecord& mount, TunnelFinder& finder) const {
  const auto command = tunnel_control::TunnelCommand::parse(mount.state.cmd);
  if (!command || !command->netns.empty()) return false;  // its port is not one of our network
  const auto sockets = finder.ownSockets();
  if (!sockets) return false;
  if ((*sockets)->listeners(mount.port).empty()) return true;
  // A frozen or starved one has accepted connections; those of a dead one are closed.
  if ((*sockets)->hasAccepted(mount.port) || !(*sockets)->hasUnaccepted(mount.port)) {
    mount.unaccepted_since.reset();
    return false;
  }
  const MonoTime now = around_.clock.monotonic();
  if (!mount.unaccepted_since) mount.unaccepted_since = now;
  return now - *mount.unaccepted_since >= kUnacceptedPatience;
}

// A file that was deleted under a live mount is written again; what we know of it is in memory.
bool Supervisor::keepDespite(MountRecord& mount) {
  if (!mount.readable || mount.pending) return false;
  if (!std::exchange(table_fresh_, true)) around_.view.refresh();
  if (around_.view.mounted(mount.port) != Seen::kYes) return false;
  if (!mount.unsaved) log::warning("{}: its state file is gone, writing it again", mount.name);
  save(mount);
  return true;
}

void Supervisor::forgetMissing(const std::map<std::string, bool>& names) {
  for (auto it = mounts_.begin(); it != mounts_.end();) {
    MountRecord& mount = it->second;
    ++it;
    // Its removal takes the state file last and reports its end by itself.
    if (names.count(mount.name) != 0 || mount.removal || keepDespite(mount)) continue;
    records_changed_ = true;
    log::info("{}: its state file is gone, no longer supervised", mount.name);
    forget(mount);
  }
}

void Supervisor::forget(MountRecord& mount) {
  abandonJobs(mount);
  giveUpSuccessor(std::exchange(mount.health.successor, ""));
  if (mount.tunnel) {
    around_.loop.forget(mount.tunnel->pidFd());
    const auto stray = strays_.insert(strays_.end(), std::move(*mount.tunnel));
    (void)around_.loop.watch(stray->pidFd(), EPOLLIN, [this, stray](std::uint32_t) {
      around_.loop.forget(stray->pidFd());
      (void)stray->reap();
      strays_.erase(stray);
    });
  }
  const std::string name = mount.name;
  around_.manager.dropListener(name);
  mounts_.erase(mounts_.find(name));
  const auto successor = waiting_listeners_.find(name);
  if (successor != waiting_listeners_.end())
    around_.manager.storeListener(name, successor->second.fd);
}

Status Supervisor::takeListener(const std::string& name, UniqueFd listener) {
  const auto parsed = state::parseMountName(name);
  if (!parsed || !listensOnLoopback(listener.get(), parsed->port)) {
    return Error(ErrorKind::kInvalidInput,
                 "the descriptor is not the listening socket of " + printable(name));
  }
  around_.manager.storeListener(name, listener);
  const auto known = mounts_.find(name);
  // The record of a mount that goes away is not the one of the mount that takes its place.
  if (known != mounts_.end() && !known->second.removal) {
    known->second.listener = std::move(listener);
  } else {
    waiting_listeners_[name] = {std::move(listener), around_.clock.monotonic()};
    scan_due_ = true;
  }
  return {};
}

void Supervisor::expireListeners() {
  const MonoTime now = around_.clock.monotonic();
  for (auto it = waiting_listeners_.begin(); it != waiting_listeners_.end();) {
    if (now - it->second.since < kListenerPatience) {
      ++it;
      continue;
    }
    log::info("{}: no state file came for its listening socket, port given back", it->first);
    around_.manager.dropListener(it->first);
    it = waiting_listeners_.erase(it);
  }
}

}  // namespace efs::watchdog
