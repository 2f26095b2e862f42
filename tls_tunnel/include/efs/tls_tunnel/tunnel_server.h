// TunnelServer: accepts clients on the loopback listener and keeps their sessions. It listens as
// long as it lives, whatever happens to the mount target (TUN-6, TUN-9).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "efs/loop/event_loop.h"
#include "efs/tls_tunnel/client_gate.h"
#include "efs/tls_tunnel/limits.h"
#include "efs/tls_tunnel/listener.h"
#include "efs/tls_tunnel/tunnel_session.h"

namespace efs::tls_tunnel {

class TunnelServer {
 public:
  // `context` and `gate` must outlive the server.
  TunnelServer(SessionContext& context, ClientGate& gate, TunnelListener listener)
      : context_(context), gate_(gate), listener_(std::move(listener)) {}

  Status start();
  // Every connection that has or waits for an upstream is reset; the kernel's next one begins at
  // once, with a new look at DNS.
  void reconnect();
  // Ends every connection in good order (TUN-9); the tunnel is about to end.
  void stop();
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Arrival {
    UniqueFd fd;
    net::Endpoint peer;
  };
  void acceptSome();
  // False when there is nothing more to accept now.
  bool acceptOne(std::vector<Arrival>& arrivals);
  void failedToAccept(int err);
  void pauseAccepting(Duration pause);
  // A peer the gate does not let in is reset here.
  void greet(UniqueFd client, const net::Endpoint& peer);
  void open(UniqueFd client, const std::string& peer);
  // A new connection always wins: who said nothing goes first, then who has nothing under way, then
  // who has been quiet for longest.
  void makeRoom();
  void ended(std::uint64_t id);

  SessionContext& context_;
  ClientGate& gate_;
  TunnelListener listener_;
  loop::EventLoop::Watch watch_;
  loop::EventLoop::Timer pause_;
  loop::EventLoop::Timer burial_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<TunnelSession>> sessions_;
  // Ended, still on the call stack; destroyed in the next turn.
  std::vector<std::unique_ptr<TunnelSession>> dead_;
};

}  // namespace efs::tls_tunnel
