// TunnelServer: accepts clients on the loopback listener and keeps their sessions. It listens as
// long as it lives, whatever happens to the mount target (TUN-6, TUN-9).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "efs/io/event_loop.h"
#include "efs/tls_tunnel/limits.h"
#include "efs/tls_tunnel/tunnel_session.h"

namespace efs::tls_tunnel {

class TunnelServer {
 public:
  // `listener` is a listening, non-blocking socket; `context` must outlive the server.
  TunnelServer(SessionContext& context, UniqueFd listener)
      : context_(context), listener_(std::move(listener)) {}

  Status start();
  std::size_t sessions() const { return sessions_.size(); }

 private:
  void acceptSome();
  // False when there is nothing more to accept now.
  bool acceptOne();
  void pauseAccepting(int err);
  void open(UniqueFd client, const std::string& peer);
  bool makeRoom();
  void ended(std::uint64_t id);

  SessionContext& context_;
  UniqueFd listener_;
  io::EventLoop::Watch watch_;
  io::EventLoop::Timer pause_;
  io::EventLoop::Timer burial_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<TunnelSession>> sessions_;
  // Ended, still on the call stack; destroyed in the next turn.
  std::vector<std::unique_ptr<TunnelSession>> dead_;
};

}  // namespace efs::tls_tunnel
