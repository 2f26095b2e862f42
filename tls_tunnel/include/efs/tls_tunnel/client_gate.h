// ClientGate: only the kernel may use the tunnel. The loopback port is open to every user of the
// host, and whoever speaks NFS through it has the mount's identity and any uid they like (contract
// 25 item 19). So the user at the other end of a connection is looked up before a byte of it goes
// upstream: uid 0, which the kernel's NFS client has, or one of `allow_local_uids`.
//
// A socket that its owner has closed shows uid 0: "connect, send, close" would pass. Therefore only
// a connection whose socket still has an inode is taken.
//
// Where NAT rewrites the source of loopback connections (iptables -t nat -A POSTROUTING -j
// MASQUERADE), no socket has the address that accept(2) tells. Then it is looked for a second time,
// as the client's own end shows it: 127.0.0.1 with the same port. That counts only if no connection
// of ours has this very peer, else whoever hides could borrow a socket of root's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/net/address.h"
#include "efs/net/socket_owner.h"

namespace efs::tls_tunnel {

struct LocalUsers {
  bool any = false;         // nobody is looked up
  std::vector<uid_t> uids;  // beside 0
};

// Around the answers for many connections, all of which are there by then: where one answer costs
// as much as all of them (net::SocketOwners::readTable()). begin() tells whether that is so.
struct LookupRound {
  std::function<bool()> begin = [] { return false; };
  std::function<void()> end = [] {};
};

class ClientGate {
 public:
  enum class Verdict {
    kWelcome,
    kGone,      // closed by its owner already: a port probe, or somebody who hides
    kStranger,  // reset it
  };

  // Answers as net::SocketOwners::find().
  using Lookup = std::function<Result<net::FoundOwner>(const net::Endpoint& local,
                                                       const net::Endpoint& remote)>;

  ClientGate(LocalUsers users, Lookup lookup, const Clock& clock, LookupRound round = {})
      : users_(std::move(users)),
        lookup_(std::move(lookup)),
        clock_(clock),
        round_(std::move(round)) {}

  // Before and after judging a number of connections. How long the next ones shall wait, so that
  // looking them up takes no more than a quarter of the processor; 0 where it costs nothing.
  void beginRound();
  Duration endRound();

  // `peer` is the client's end of an accepted connection, `listener` ours. Logs strangers, once a
  // minute for each uid. Who cannot be looked up is a stranger.
  Verdict judge(const net::Endpoint& peer, const net::Endpoint& listener);
  // One that was "gone" although its client is there and has sent something: told once a minute,
  // with what is wrong as a rule.
  void tellUnseen(const net::Endpoint& peer);
  std::uint64_t refused() const { return refused_; }

 private:
  Result<net::FoundOwner> find(const net::Endpoint& peer, const net::Endpoint& listener);
  bool allowed(uid_t uid) const;
  Verdict refuse(std::int64_t who, const std::string& message);

  LocalUsers users_;
  Lookup lookup_;
  const Clock& clock_;
  LookupRound round_;
  std::optional<MonoTime> costly_since_;
  std::uint64_t refused_ = 0;
  struct Told {
    MonoTime logged;
    std::uint64_t since = 0;  // refused without a line since then
  };
  std::map<std::int64_t, Told> told_;  // by uid; -1 for who could not be looked up
  std::optional<MonoTime> unseen_told_;
};

}  // namespace efs::tls_tunnel
