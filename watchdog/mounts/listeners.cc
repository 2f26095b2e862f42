#include "mounts/listeners.h"

#include <utility>

#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

// A socket without a state file belongs to a mount that is about to write one, or to one that
// failed and must not keep its port.
constexpr Duration kGrace{30000};
// A client that says good bye connects again within half a lease (45 s), and nothing shows it in
// between; with the time from one look to the next.
constexpr Duration kNeededPatience{90000};

}  // namespace

Status Listeners::take(const std::string& name, ListenerPtr listener) {
  const auto parsed = state::parseMountName(name);
  if (!parsed || !listener->listensOn(parsed->port)) {
    return Error(ErrorKind::kInvalidInput,
                 "the descriptor is not the listening socket of " + printable(name));
  }
  // With systemd at once: were we to die now, the port would still be open after our restart.
  context_.tools.listeners.storeListener(name, *listener);
  MountRecord* const known = context_.find(name);
  // The record of a mount that goes away is not the one of the mount that takes its place.
  if (known != nullptr && !known->removal) {
    known->listener = std::move(listener);
  } else {
    waiting_[name] = {std::move(listener), context_.tools.clock.monotonic()};
    context_.scan_due = true;
  }
  return {};
}

ListenerPtr Listeners::claim(const std::string& name) {
  auto found = waiting_.extract(name);
  return found ? std::move(found.mapped().listener) : nullptr;
}

void Listeners::drop(const std::string& name) {
  context_.tools.listeners.dropListener(name);
  const auto successor = waiting_.find(name);
  // The store knows a name once: what was dropped may have been the successor's entry.
  if (successor != waiting_.end()) {
    context_.tools.listeners.storeListener(name, *successor->second.listener);
  }
}

// The kernel would find nobody there any more.
bool Listeners::isNeeded(const std::string& name) const {
  const int port = state::parseMountName(name)->port;
  const MountView& view = context_.view;
  return view.mounted(port) != Seen::kNo || view.kernelClient(port, "") != Seen::kNo ||
         view.connected(port, "") != Seen::kNo;
}

bool Listeners::isWorthKeeping(const std::string& name, Waiting& waiting) const {
  const MonoTime now = context_.tools.clock.monotonic();
  if (isNeeded(name)) waiting.needed = now;
  return waiting.needed && now - *waiting.needed < kNeededPatience;
}

void Listeners::expire() {
  // Their mounts may be there all the same.
  if (context_.directory_unreadable) return;
  const MonoTime now = context_.tools.clock.monotonic();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (now - it->second.since < kGrace) {
      ++it;
      continue;
    }
    if (isWorthKeeping(it->first, it->second)) {
      it->second.since = now;
      ++it;
      continue;
    }
    context_.tools.log.info("{}: no state file came for its listening socket, port given back",
                            it->first);
    context_.tools.listeners.dropListener(it->first);
    it = waiting_.erase(it);
  }
}

}  // namespace efs::watchdog
