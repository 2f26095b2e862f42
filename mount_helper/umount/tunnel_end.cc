#include "umount/tunnel_end.h"

#include <signal.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/wait.h"
#include "efs/mounts/mount_table.h"
#include "efs/procfs/socket_table.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_process.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::mount_helper {
namespace {

using tunnel_control::WatchdogRequest;

// A watchdog that runs answers at once; the rest of the work is its own in any case.
constexpr Duration kAnswer{1000};
constexpr Duration kLook{10};
constexpr const char* kOurNetwork = "/proc/thread-self/net";

// Looks again and again: neither the kernel's lists nor a foreign process's files tell of changes.
bool becomes(const std::function<bool()>& condition, const Clock& clock, Duration patience) {
  const Deadline deadline(clock, patience);
  while (!condition()) {
    if (deadline.passed() || !sleepFor(kLook)) return false;
  }
  return true;
}

// Unknown counts as used: a tunnel is never ended on a guess.
bool portUnused(const PortUse& use) {
  const auto table = mounts::MountTable::readKernel();
  if (!table) return false;
  const auto shown = table->withTunnelPort(use.port);
  if (!shown.empty() && !use.by_this_network) return false;
  const std::string volumes = mounts::readVolumes(kOurNetwork).value_or("");
  const bool mounted = std::any_of(shown.begin(), shown.end(), [&volumes](const auto* entry) {
    return mounts::mayBeOfNetwork(volumes, entry->device);
  });
  if (mounted) return false;
  const auto kernel = mounts::kernelUsesTunnelPort(use.port, kOurNetwork);
  if (!kernel || *kernel) return false;
  const auto sockets = procfs::SocketTable::read();
  return sockets && !sockets->hasClient(use.port);
}

std::set<std::string> namesOfPort(const state::StateStore& store, int port) {
  std::set<std::string> names;
  // A pending name is the business of its helper, and of the watchdog when that is dead.
  const auto finished = store.mountNames();
  if (!finished) return names;
  for (const auto& name : *finished) {
    const auto parsed = state::parseMountName(name);
    if (parsed && parsed->port == port) names.insert(name);
  }
  return names;
}

// nullopt: no watchdog.
std::optional<TunnelEnd> leaveToWatchdog(const std::string& name, const AfterUnmount& after) {
  WatchdogRequest request;
  request.op = WatchdogRequest::Op::kUnmounted;
  request.name = name;
  const auto reply =
      tunnel_control::askWatchdog(after.store.watchdogSocket(), request, nullptr, kAnswer);
  if (!reply) return std::nullopt;
  // A refusal comes from an older watchdog, which finds out by itself.
  const std::string path = after.store.paths(name).state;
  // The state file goes last: then the port is free for the next mount.
  const bool gone =
      reply->ok && becomes([&] { return !fileExists(path); }, after.clock, after.patience);
  return gone ? TunnelEnd::kEnded : TunnelEnd::kLeft;
}

using FoundProcess = std::optional<tunnel_control::TunnelProcess>;

// By the state file's pid, or, where that is out of date, by the port it listens on. An error:
// there may be one that cannot be looked at.
Result<FoundProcess> findTunnel(const state::MountState& state, int port) {
  tunnel_control::TunnelFinder finder;
  Status unseen;
  const auto look = [&](pid_t pid) -> FoundProcess {
    auto found = finder.find(pid, port);
    if (found) return std::move(found->process);
    if (found.error().kind() != ErrorKind::kNotFound) unseen = unexpected(found.error());
    return std::nullopt;
  };
  // The number may be another process's by now: the finder compares name and listening socket.
  if (state.pid) {
    if (auto found = look(*state.pid)) return found;
  }
  if (!tunnelListens(port)) return FoundProcess();
  EFS_TRY(pid, finder.byPort(port));
  if (pid) {
    if (auto found = look(*pid)) return found;
  }
  if (!unseen) return unseen.error();
  return FoundProcess();
}

void stop(const tunnel_control::TunnelProcess& tunnel, const AfterUnmount& after) {
  const auto ended = [&tunnel] { return tunnel.ended(); };
  log::info("ending the tunnel with PID {}", tunnel.pid());
  (void)tunnel.signal(SIGTERM);
  if (becomes(ended, after.clock, after.patience)) return;
  (void)tunnel.signal(SIGKILL);
  (void)becomes(ended, after.clock, Duration(1000));
}

TunnelEnd endHere(const std::string& name, int port, const AfterUnmount& after) {
  // So that no watchdog begins while we do its work.
  const auto lock = FileLock::tryAcquire(after.store.locks().watchdog);
  if (!lock) return TunnelEnd::kLeft;  // a watchdog is just starting
  const auto state = after.store.read(name);
  if (!state) {
    log::warning("{}: {}", name, state.error().describe());
    return TunnelEnd::kFailed;
  }
  const auto command = tunnel_control::TunnelCommand::parse(state->cmd);
  // The kernel shows the users of a port only in its own network namespace.
  if (command && !command->netns.empty()) return TunnelEnd::kInUse;
  const auto tunnel = findTunnel(*state, port);
  if (!tunnel) {
    log::warning("{}: its tunnel is left running: {}", name, tunnel.error().describe());
    return TunnelEnd::kFailed;
  }
  // The tunnel before the files, by which it would be found.
  if (*tunnel) stop(**tunnel, after);
  if (const auto removed = after.store.removeMount(name, &*state); !removed) {
    log::error("{}: {}", name, removed.error().describe());
    return TunnelEnd::kFailed;
  }
  log::info("Cleaned up the state of {}", name);
  return TunnelEnd::kEnded;
}

}  // namespace

bool tunnelListens(int port) {
  const auto sockets = procfs::SocketTable::read();
  return !sockets || !sockets->listeners(port).empty();
}

bool portFallsSilent(const PortUse& use, const Clock& clock, Duration patience) {
  return becomes([&use] { return portUnused(use); }, clock, patience);
}

TunnelEnd endTunnel(const PortUse& use, const AfterUnmount& after) {
  const auto names = namesOfPort(after.store, use.port);
  if (names.empty()) return TunnelEnd::kNoState;
  // The kernel's farewell to the server is under way, through this tunnel.
  if (!portFallsSilent(use, after.clock, after.quiet)) return TunnelEnd::kInUse;
  TunnelEnd worst = TunnelEnd::kEnded;
  for (const auto& name : names) {
    const auto told = leaveToWatchdog(name, after);
    const TunnelEnd end = told ? *told : endHere(name, use.port, after);
    if (end != TunnelEnd::kEnded) worst = end;
  }
  return worst;
}

}  // namespace efs::mount_helper
