// UpstreamConnector: from a name to a server that is ready to be used, inside the event loop: a
// connected TCP socket, or with TLS a connection whose handshake is done.
//
// The name is asked anew each time (TUN-10), so a moved mount target is found by reconnecting. All
// addresses are tried in the spirit of RFC 8305: families take turns, the next attempt starts when
// the one before failed or after 250 ms, the first that is ready wins. The race runs through the
// handshake: an address that connects and then hangs must not keep a good one waiting.
//
// What former connections have shown (AddressBook) decides about the order. DNS is not believed
// against it where the server proves who it is: when no DNS server answers, or one says that the
// name does not exist, the last good address is used; when its addresses do not serve, that one is
// tried behind them. Not without TLS and a checked name: there nobody would notice that the address
// serves another file system by now.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "efs/net/address.h"
#include "efs/net/resolver.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls/tls_transport.h"
#include "efs/tls_tunnel/address_book.h"
#include "efs/tls_tunnel/limits.h"

namespace efs::tls_tunnel {

struct ConnectedUpstream {
  net::Endpoint peer;
  UniqueFd fd;                                // non-blocking; without TLS
  std::unique_ptr<tls::TlsTransport> secure;  // with TLS, instead of `fd`
  MonoTime connected;                         // when TCP was
};

class UpstreamConnector {
 public:
  using Resolved = std::function<void(const std::vector<net::Endpoint>&)>;
  using Connected = std::function<void(const net::Endpoint&)>;
  using Done = std::function<void(Result<ConnectedUpstream>)>;
  // How far the attempt that came farthest has come.
  enum class Step { kResolving, kConnecting, kSecuring };

  UpstreamConnector(loop::EventLoop& loop, const Limits& limits, net::Resolver::Options dns = {})
      : loop_(loop), limits_(limits), dns_(std::move(dns)) {}

  // Whose order is kept, and who is told about addresses that fail. `proven`: chain and name of the
  // server are checked. The book must outlive the connector.
  void know(AddressBook& book, bool proven) {
    book_ = &book;
    proven_ = proven;
  }
  // TLS; must outlive the connector. `connected` hears of each address that TCP has reached, and
  // must not destroy the connector.
  void secureWith(const tls::TlsClientContext& tls) { tls_ = &tls; }
  void onConnected(Connected connected) { connected_ = std::move(connected); }

  // Once. `resolved` is called as soon as the addresses are known, `done` exactly once, never
  // from inside start(); `done` may destroy the connector.
  void start(const std::string& host, std::uint16_t port, Resolved resolved, Done done);
  Step step() const { return step_; }

 private:
  struct Attempt {
    net::Endpoint peer;
    bool last_resort = false;
    UniqueFd fd;
    std::unique_ptr<tls::TlsTransport> secure;
    MonoTime connected;
    loop::EventLoop::Watch watch;
    loop::EventLoop::Timer deadline;
  };
  using AttemptRef = std::list<Attempt>::iterator;

  void resolverEvent(int fd, std::uint32_t events);
  void watchResolver();
  // Looks whether the resolver has answered.
  void takeAnswer();
  void resolveFailed(const Error& error);
  void connectTo(std::vector<net::Endpoint> addresses);
  void addLastResort();
  void startNext();
  void expect(AttemptRef attempt, Duration limit, const char* what);
  void attemptConnected(AttemptRef attempt);
  void handshake(AttemptRef attempt);
  void attemptEnded(AttemptRef attempt, Error error);
  void attemptFailed(const net::Endpoint& peer, Step at, bool last_resort, Error error);
  void succeed(Attempt& attempt);
  void giveUp();
  // Calls done_ in the next turn.
  void finish(Result<ConnectedUpstream> result);

  loop::EventLoop& loop_;
  const Limits& limits_;
  const net::Resolver::Options dns_;
  std::string host_;
  AddressBook* book_ = nullptr;
  bool proven_ = false;
  const tls::TlsClientContext* tls_ = nullptr;
  Resolved resolved_;
  Connected connected_;
  Done done_;
  Step step_ = Step::kResolving;

  // Before the resolver: it answers (kCancelled) also when it dies.
  std::optional<Result<net::Resolver::Addresses>> answer_;
  std::optional<net::Resolver> resolver_;
  std::vector<loop::EventLoop::Watch> resolver_watches_;
  loop::EventLoop::Timer resolver_timer_;

  std::vector<net::Endpoint> addresses_;
  std::size_t next_address_ = 0;
  bool last_resort_ = false;  // the last of addresses_ is one
  std::list<Attempt> attempts_;
  // The first error of the farthest step.
  std::optional<Error> error_;
  Step error_step_ = Step::kResolving;
  std::size_t failures_ = 0;
  loop::EventLoop::Timer stagger_;
  loop::EventLoop::Timer overall_;
  loop::EventLoop::Timer finisher_;
};

}  // namespace efs::tls_tunnel
