#include "mounts/leftovers.h"

#include <signal.h>

#include <utility>

namespace efs::watchdog {
namespace {

// Longer than any mount takes from its first file to its state file; as decide() waits for a
// pending one (kPendingExpiry).
constexpr Duration kKeptFor{600000};

}  // namespace

std::set<std::string> namesWithoutState(const std::vector<std::string>& entries) {
  std::set<std::string> found;
  const auto take = [&found](const std::string& name) {
    if (state::parseMountName(name)) found.insert(name);
  };
  for (const auto& entry : entries) {
    for (const std::string prefix : {"stunnel-config.", "tunnel-counters."}) {
      if (entry.rfind(prefix, 0) == 0) take(entry.substr(prefix.size()));
    }
    if (!entry.empty() && entry.back() == '+') take(entry.substr(0, entry.size() - 1));
  }
  for (const auto& entry : entries) {
    // In a second pass: the order of a directory says nothing.
    found.erase(entry);
    if (!entry.empty() && entry.front() == '~') found.erase(entry.substr(1));
  }
  return found;
}

// A maker of mounts listens on its port before it writes anything, and locks the configuration.
bool Leftovers::isUnused(const std::string& name, const procfs::SocketTable& sockets) const {
  const int port = state::parseMountName(name)->port;
  const MountView& view = context_.view;
  const bool silent = !sockets.hasClient(port) && view.mounted(port) == Seen::kNo &&
                      view.kernelClient(port, "") == Seen::kNo;
  return silent && !context_.store.pendingHeld(name).value_or(false);
}

void Leftovers::endTunnel(const std::string& name, pid_t pid) {
  const auto left = seen_.find(name);
  if (left == seen_.end()) return;
  // A new look: since the question about its command line was asked, the pid may have become
  // another process.
  auto found = context_.tools.processes.search()->find(pid, state::parseMountName(name)->port);
  if (!found) return;
  context_.tools.log.warning("{}: ending its tunnel {}, which no state file names", name, pid);
  (void)found->tunnel->signal(left->second.signals++ == 0 ? SIGTERM : SIGKILL);
  context_.tools.processes.letGo(std::move(found->tunnel));
}

void Leftovers::clear(const std::string& name, Left& seen, TunnelSearch& search) {
  const auto sockets = search.sockets();
  if (!sockets || !isUnused(name, **sockets)) return;
  if (!(*sockets)->listeners(state::parseMountName(name)->port).empty()) {
    return strays_.find(name, search, [this, name](const auto& found) {
      if (found && *found) endTunnel(name, **found);
    });
  }
  // The time begins anew: what cannot be removed is not tried at each sweep.
  seen = Left{context_.tools.clock.monotonic()};
  context_.tools.log.info("{}: removing what a mount that failed has left", name);
  jobs_.startLoose(RemoveFiles{context_.store.directory(), name, {}}, [](const auto&) {});
}

void Leftovers::sweep() {
  const MonoTime now = context_.tools.clock.monotonic();
  const auto entries = context_.tools.files.list(context_.store.directory());
  if (!entries) return;
  auto names = namesWithoutState(*entries);
  std::erase_if(names, [this](const auto& name) { return context_.find(name) != nullptr; });
  std::erase_if(seen_, [&names](const auto& entry) { return names.count(entry.first) == 0; });
  if (names.empty()) return;
  const auto search = context_.tools.processes.search();
  for (const auto& name : names) {
    Left& seen = seen_.try_emplace(name, Left{now}).first->second;
    if (now - seen.since >= kKeptFor) clear(name, seen, *search);
  }
}

}  // namespace efs::watchdog
