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

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/log.h"
#include "efs/io/tcp_transport.h"
#include "efs/loop/event_loop.h"
#include "efs/tls_tunnel/peer_watch.h"
#include "efs/tls_tunnel/relay.h"
#include "efs/tls_tunnel/server_side.h"
#include "efs/tls_tunnel/session_context.h"
#include "efs/tls_tunnel/upstream/pool_keeper.h"
#include "efs/tls_tunnel/upstream/pooled_relay.h"

namespace efs::tls_tunnel {

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
  enum class State { kSilent, kConnecting, kRelaying, kEnded };
  enum class Client { kClose, kReset };

  void clientEvent(std::uint32_t events);
  void firstByte();
  ServerSide::Events serverEvents();
  void beginRelay();
  void pump();
  // Tells the meter what has moved since the last time.
  void count();
  void relayEnded(ByteMover::Outcome outcome);
  void upstreamClosed(bool refused);
  // No memory for a buffer: waits for some time, then resets.
  void starved();
  void clientFailed(const std::string& why);
  bool clientOrphaned() const;
  void look();
  void watchHalfClose();
  void upstreamFailed(tunnel_control::Stage tried, const Error& error);
  // One line in the log, and the client's end.
  void end(log::Level level, const std::string& reason, Client client);
  std::string moved() const;
  Duration age() const;

  SessionContext& context_;
  std::uint64_t id_;
  std::string peer_;
  Ended ended_;
  State state_ = State::kSilent;
  MonoTime started_;
  ConnectionMeter meter_;

  io::TcpTransport client_;
  ServerSide server_;
  std::unique_ptr<ByteMover> relay_;
  // Where the client is bound to a partition: relay_, and who keeps its further connections.
  PooledRelay* pooled_ = nullptr;
  std::optional<PoolKeeper> pool_;
  std::optional<PeerWatch> peer_watch_;

  // After the transports: a watch ends before its descriptor is closed.
  loop::EventLoop::Watch client_watch_;
  loop::EventLoop::Timer deadline_;  // first byte, then half-close
  loop::EventLoop::Timer look_timer_;
  loop::EventLoop::Timer starved_timer_;
  std::optional<MonoTime> starved_since_;
  bool client_hung_up_ = false;  // its end has come, perhaps behind bytes nobody has read yet
  std::uint64_t moved_at_look_ = 0;
  std::uint64_t moved_at_half_close_ = 0;
  std::optional<Duration> first_byte_after_;
  bool unmeasured_said_ = false;
};

}  // namespace efs::tls_tunnel
