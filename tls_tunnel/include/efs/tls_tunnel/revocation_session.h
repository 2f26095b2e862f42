// RevocationSession: drives a RevocationCheck inside the event loop: connects to each responder,
// exchanges question and answer, and gives one verdict within limits.revocation.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "efs/base/result.h"
#include "efs/loop/event_loop.h"
#include "efs/tls/revocation_check.h"
#include "efs/tls_tunnel/limits.h"
#include "efs/tls_tunnel/upstream_connector.h"

namespace efs::tls_tunnel {

class RevocationSession {
 public:
  // Called exactly once, never from inside start(); it may destroy the session.
  using Done = std::function<void(Status)>;

  RevocationSession(loop::EventLoop& loop, const Limits& limits, tls::RevocationCheck check)
      : loop_(loop), limits_(limits), check_(std::move(check)) {}

  void start(Done done);

 private:
  void askNext();
  void connected(Result<ConnectedUpstream> result);
  void drive();
  void responderFailed(const Error& error);
  void finish(Status status);

  loop::EventLoop& loop_;
  const Limits& limits_;
  tls::RevocationCheck check_;
  Done done_;
  std::unique_ptr<UpstreamConnector> connector_;
  loop::EventLoop::Watch watch_;
  loop::EventLoop::Timer responder_deadline_;
  loop::EventLoop::Timer overall_;
  loop::EventLoop::Timer finisher_;
};

}  // namespace efs::tls_tunnel
