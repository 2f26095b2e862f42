#include "efs/tls_tunnel/client_gate.h"

#include <fmt/core.h>

#include <algorithm>

#include "efs/base/log.h"

namespace efs::tls_tunnel {
namespace {

constexpr Duration kLogPause{60000};
constexpr int kRest = 3;  // times as long as a costly round took
// More users than that share one line a minute.
constexpr std::size_t kMaxTold = 64;
constexpr std::int64_t kUnknown = -1;
constexpr std::int64_t kOthers = -2;

}  // namespace

void ClientGate::beginRound() {
  const MonoTime now = clock_.monotonic();
  costly_since_.reset();
  if (!users_.any && round_.begin()) costly_since_ = now;
}

Duration ClientGate::endRound() {
  if (!costly_since_) return Duration(0);
  round_.end();
  return std::chrono::ceil<Duration>(kRest * (clock_.monotonic() - *costly_since_));
}

ClientGate::Verdict ClientGate::judge(const net::Endpoint& peer, const net::Endpoint& listener) {
  if (users_.any) return Verdict::kWelcome;
  const auto found = find(peer, listener);
  if (!found) {
    return refuse(kUnknown, fmt::format("connection from {} refused, its user cannot be found: {} "
                                        "(\"allow_local_uids = any\" would serve it)",
                                        peer.text(), found.error().describe()));
  }
  const auto& owner = *found;
  // The kernel shows uid 0 for a socket that was closed: without the inode every stranger who hangs
  // up in time would pass for root.
  if (!owner || owner->inode == 0) return Verdict::kGone;
  if (!allowed(owner->uid)) {
    return refuse(owner->uid, fmt::format("connection from {} refused: it belongs to uid {}, and "
                                          "only root and allow_local_uids may use this tunnel",
                                          peer.text(), owner->uid));
  }
  return owner->connected ? Verdict::kWelcome : Verdict::kGone;
}

Result<net::FoundOwner> ClientGate::find(const net::Endpoint& peer, const net::Endpoint& listener) {
  // As the address says, which is so but for NAT rules; then the same socket under the address that
  // it believes to have.
  auto found = lookup_(peer, listener);
  if (!found || *found) return found;
  const auto own_end = net::Endpoint::fromLiteral("127.0.0.1", peer.port());
  if (!own_end || own_end->text() == peer.text()) return found;
  EFS_TRY(not_rewritten, lookup_(listener, *own_end));
  if (not_rewritten) return found;
  return lookup_(*own_end, listener);
}

void ClientGate::tellUnseen(const net::Endpoint& peer) {
  const MonoTime now = clock_.monotonic();
  if (unseen_told_ && now - *unseen_told_ < kLogPause) return;
  unseen_told_ = now;
  log::warning(
      "A connection from {} was not served: it has sent data, but no socket of this network "
      "namespace is its other end. Does NAT rewrite loopback addresses? A MASQUERADE or SNAT rule "
      "needs \"! -o lo\"; \"allow_local_uids = any\" would serve everybody",
      peer.text());
}

bool ClientGate::allowed(uid_t uid) const {
  return uid == 0 || std::find(users_.uids.begin(), users_.uids.end(), uid) != users_.uids.end();
}

ClientGate::Verdict ClientGate::refuse(std::int64_t who, const std::string& message) {
  ++refused_;
  // A bound on memory: whoever connects chooses how many uids there are.
  if (told_.size() >= kMaxTold && told_.find(who) == told_.end()) who = kOthers;
  const MonoTime now = clock_.monotonic();
  const auto [entry, first] = told_.try_emplace(who);
  Told& told = entry->second;
  if (!first && now - told.logged < kLogPause) {
    ++told.since;
    return Verdict::kStranger;
  }
  std::string more;
  if (told.since != 0) more = fmt::format("; {} more since the last such line", told.since);
  log::warning("A {}{}", message, more);
  told = Told{now, 0};
  return Verdict::kStranger;
}

}  // namespace efs::tls_tunnel
