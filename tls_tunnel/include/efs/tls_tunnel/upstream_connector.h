// UpstreamConnector: from a name to a connected TCP socket, inside the event loop.
//
// The name is asked anew each time (TUN-10), so a moved mount target is found by reconnecting. All
// addresses are tried in the spirit of RFC 8305: families take turns, the next attempt starts when
// the one before failed or after 250 ms, the first that connects wins. The winner is tried first
// when the tunnel connects again, and alone where DNS does not answer: that says nothing about the
// server. Not without TLS: there nobody would notice that the address serves another file system.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/io/event_loop.h"
#include "efs/net/address.h"
#include "efs/net/resolver.h"
#include "efs/tls_tunnel/limits.h"

namespace efs::tls_tunnel {

struct ConnectedUpstream {
  UniqueFd fd;  // non-blocking
  net::Endpoint peer;
};

class UpstreamConnector {
 public:
  using Resolved = std::function<void(const std::vector<net::Endpoint>&)>;
  using Done = std::function<void(Result<ConnectedUpstream>)>;

  UpstreamConnector(io::EventLoop& loop, const Limits& limits, net::Resolver::Options dns = {})
      : loop_(loop), limits_(limits), dns_(std::move(dns)) {}

  // The address that connected last time is tried first, or else its family. `without_dns`: also
  // when no DNS server answers.
  void prefer(const std::optional<net::Endpoint>& winner, bool without_dns) {
    winner_ = winner;
    without_dns_ = without_dns;
  }
  // Once. `resolved` is called as soon as the addresses are known, `done` exactly once, never
  // from inside start(); `done` may destroy the connector.
  void start(const std::string& host, std::uint16_t port, Resolved resolved, Done done);
  bool resolving() const { return !have_addresses_; }

 private:
  struct Attempt {
    net::Endpoint peer;
    UniqueFd fd;
    io::EventLoop::Watch watch;
    io::EventLoop::Timer deadline;
  };

  void resolverEvent(int fd, std::uint32_t events);
  void watchResolver();
  // Looks whether the resolver has answered.
  void takeAnswer();
  void resolveFailed(const Error& error);
  void connectTo(std::vector<net::Endpoint> addresses);
  void startNext();
  void attemptEnded(std::list<Attempt>::iterator attempt, Status status);
  void attemptFailed(const net::Endpoint& peer, Error error);
  void succeed(Attempt& attempt);
  // Calls done_ in the next turn.
  void finish(Result<ConnectedUpstream> result);

  io::EventLoop& loop_;
  const Limits& limits_;
  const net::Resolver::Options dns_;
  std::string host_;
  std::optional<net::Endpoint> winner_;
  bool without_dns_ = false;
  Resolved resolved_;
  Done done_;

  // Before the resolver: it answers (kCancelled) also when it dies.
  std::optional<Result<net::Resolver::Addresses>> answer_;
  std::optional<net::Resolver> resolver_;
  std::vector<io::EventLoop::Watch> resolver_watches_;
  io::EventLoop::Timer resolver_timer_;
  bool have_addresses_ = false;

  std::vector<net::Endpoint> addresses_;
  std::size_t next_address_ = 0;
  std::list<Attempt> attempts_;
  std::optional<Error> first_error_;
  std::size_t failures_ = 0;
  io::EventLoop::Timer stagger_;
  io::EventLoop::Timer overall_;
  io::EventLoop::Timer finisher_;
};

// `winner` first where it is among the addresses, else those of its family (RFC 8305 section 4:
// what is known from former connections). The order is kept otherwise.
std::vector<net::Endpoint> winnerFirst(std::vector<net::Endpoint> addresses,
                                       const std::optional<net::Endpoint>& winner);

// RFC 8305 section 4: the families of `addresses` take turns, beginning with the first one's; at
// most `limit` addresses.
std::vector<net::Endpoint> interleaveFamilies(const std::vector<net::Endpoint>& addresses,
                                              std::size_t limit);

}  // namespace efs::tls_tunnel
