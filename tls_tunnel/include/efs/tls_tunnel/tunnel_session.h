// TunnelSession: one client connection and the upstream it owns.
//
//   waiting for the first byte -> resolving, connecting, securing (TLS) -> [checking (OCSP)]
//   -> relaying -> ended
//
// Nothing goes upstream before the client's first byte, so a port probe costs nothing (TUN-8).
// When the upstream fails the client connection is reset, so that the kernel reconnects and
// replays (TUN-9). When the client is gone the session ends at once, whatever still waits for a
// server that does not read. Every end is one line in the log: who, why, bytes, time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/log.h"
#include "efs/io/tcp_transport.h"
#include "efs/loop/event_loop.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls/tls_transport.h"
#include "efs/tls_tunnel/address_book.h"
#include "efs/tls_tunnel/connect_pacer.h"
#include "efs/tls_tunnel/limits.h"
#include "efs/tls_tunnel/peer_watch.h"
#include "efs/tls_tunnel/relay.h"
#include "efs/tls_tunnel/revocation_session.h"
#include "efs/tls_tunnel/status_pipe.h"
#include "efs/tls_tunnel/tunnel_meter.h"
#include "efs/tls_tunnel/upstream/bind_exchange.h"
#include "efs/tls_tunnel/upstream/partition_search.h"
#include "efs/tls_tunnel/upstream/pooled_relay.h"
#include "efs/tls_tunnel/upstream_connector.h"

namespace efs::tls_tunnel {

// Several connections to the mount target for one client (upstream/): what the sessions share.
struct ScaleState {
  std::uint32_t max_connections = 1;  // 1: the private call is never made
  BindIdentity who;
  bool used = false;       // `who` has bound a connection
  std::string partition;   // of the clients that are bound now
  std::size_t bound = 0;   // clients, each with a first connection ...
  std::size_t joined = 0;  // ... and their further ones: max_connections counts both
  MonoTime not_before{};   // the server lacked the program
  MonoTime search_not_before{};
  SearchLimits search;

  // How many more connections of the partition both sides allow, over all clients.
  std::size_t roomForMore(const ScaleTerms& terms) const {
    const std::size_t most = std::min(terms.max_connections, max_connections);
    const std::size_t open = bound + joined;
    return most > open ? most - open : 0;
  }
};

// What all sessions of a tunnel share; outlives them.
struct SessionContext {
  loop::EventLoop& loop;
  const Limits& limits;
  StatusPipe& status;
  TunnelMeter& meter;
  ConnectPacer& pacer;
  std::string host;  // name or IP literal
  std::uint16_t port = 0;
  tls::TlsClientContext* tls = nullptr;         // nullptr: plain TCP upstream
  tls::RevocationMemory* revocation = nullptr;  // nullptr: revocation is not asked about
  bool proven = false;                          // chain and name of the server are checked
  // Whether the socket at the client's end has been closed by its owner, though its end has not
  // come: it waits there behind bytes that we do not read.
  std::function<bool(const net::Endpoint& client)> orphaned = {};
  AddressBook addresses = {};  // what all sessions have seen of them
  ScaleState scale = {};
};

// Reads the file of trusted authorities again where it has changed, and says so in the log.
void refreshAuthorities(tls::TlsClientContext& tls);

class TunnelSession {
 public:
  // Called once, from inside the session: destroy it later, not there.
  using Ended = std::function<void()>;

  TunnelSession(SessionContext& context, std::uint64_t id, UniqueFd client, std::string peer,
                Ended ended);

  Status start();
  // Has not said a byte yet, so nothing is lost by closing it.
  bool silent() const { return state_ == State::kSilent; }
  // Calls are unanswered, or the client waits for its upstream.
  bool busy() const;
  // When the client last sent something, or connected (tunnel_counters.h).
  std::uint64_t lastHeard() const;
  // Resets the client; for the server's limits and for the watchdog.
  void drop(log::Level level, const std::string& reason);
  // The tunnel ends: the server sees an orderly end, a client that waits for an answer a reset.
  void stop();

 private:
  enum class State { kSilent, kConnecting, kChecking, kBinding, kRelaying, kEnded };
  enum class Client { kClose, kReset };

  void clientEvent(std::uint32_t events);
  void upstreamEvent(std::uint32_t events);
  void firstByte();
  // As soon as the pacer allows.
  void beginConnect();
  void startConnector();
  // TCP is there; of several addresses each that is reached.
  void upstreamReached(const net::Endpoint& peer);
  void connected(Result<ConnectedUpstream> result);
  Status adopt(ConnectedUpstream upstream);
  // Contract MODE-1: `OCSPaia`.
  void checkRevocation();
  void secured();
  // ---- several connections (tunnel_session_scale.cc)
  bool mayBind() const;
  // The private call, before any NFS byte; then the relay.
  void beginBind();
  void bindStep();
  void bound(const BindAnswer& answer);
  // On a fresh connection without the call, as ever.
  void bindFailed(const Error& error, Duration rest);
  void beginPooled();
  // Judges a second of traffic: are more connections worth while, or fewer?
  void judgeLoad();
  void search();
  // One more connection; the relay's from here on.
  void join(std::unique_ptr<io::Transport> transport);
  // After the relay has moved: those that left, and calls that are lost.
  void tendPool();
  // Further connections whose server acknowledges nothing; false when all are quiet.
  bool lookAtOthers();
  void beginRelay();
  void pump();
  // Tells the meter what has moved since the last time.
  void count();
  void relayEnded(Relay::Outcome outcome);
  // No memory for a buffer: waits for some time, then resets.
  void starved();
  void clientFailed(const std::string& why);
  bool clientOrphaned() const;
  // The server took the connection and never said a byte, though somebody waited.
  void blameAddress();
  // Why the server ended before its first byte: with TLS 1.3 that is how it refuses a certificate.
  Error refusal(const Error& error) const;
  void look();
  void watchHalfClose();
  void upstreamFailed(tunnel_control::Stage tried, const Error& error);
  void end(log::Level level, const std::string& reason, Client client);
  Duration age() const;
  // Milliseconds since step_started_, which begins anew.
  std::int64_t stepDone();
  std::uint64_t now() const;

  SessionContext& context_;
  std::uint64_t id_;
  std::string peer_;
  Ended ended_;
  State state_ = State::kSilent;
  MonoTime started_;

  io::TcpTransport client_;
  std::unique_ptr<io::Transport> upstream_;
  tls::TlsTransport* tls_ = nullptr;  // upstream_, while and after it is TLS
  std::string upstream_name_;
  std::optional<net::Endpoint> upstream_peer_;
  std::unique_ptr<ByteMover> relay_;
  PooledRelay* pooled_ = nullptr;  // relay_, where the client is bound to a partition
  struct Other {
    PeerWatch peer_watch;
    loop::EventLoop::Watch watch;
  };
  std::map<const io::Transport*, Other> others_;  // of pooled_; die before it
  std::optional<BindExchange> bind_;
  bool bind_tried_ = false;
  std::string partition_;
  ScaleTerms terms_;
  std::unique_ptr<PartitionSearch> search_;
  std::optional<PeerWatch> peer_watch_;
  std::unique_ptr<UpstreamConnector> connector_;
  std::optional<RevocationSession> revocation_;

  // After the transports: a watch ends before its descriptor is closed.
  loop::EventLoop::Watch client_watch_;
  loop::EventLoop::Watch upstream_watch_;
  loop::EventLoop::Timer deadline_;  // first byte, then pause, then half-close
  loop::EventLoop::Timer look_timer_;
  loop::EventLoop::Timer starved_timer_;
  loop::EventLoop::Timer load_timer_;
  loop::EventLoop::Timer lost_timer_;
  std::uint64_t moved_at_judgement_ = 0;
  Duration above_threshold_{0};
  Duration below_threshold_{0};
  std::optional<MonoTime> starved_since_;
  bool client_hung_up_ = false;  // its end has come, perhaps behind bytes nobody has read yet
  std::uint64_t moved_at_look_ = 0;
  std::uint64_t moved_at_half_close_ = 0;
  std::optional<Duration> first_byte_after_;
  ConnectionMeter meter_;
  MonoTime step_started_;
  bool unmeasured_said_ = false;
};

}  // namespace efs::tls_tunnel
