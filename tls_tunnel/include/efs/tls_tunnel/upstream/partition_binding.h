// PartitionBinding: makes the private call on a client's first connection, before any NFS byte, and
// keeps what came of it: a partition, or one connection only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "efs/loop/event_loop.h"
#include "efs/tls_tunnel/session_context.h"
#include "efs/tls_tunnel/upstream/bind_exchange.h"

namespace efs::tls_tunnel {

class PartitionBinding {
 public:
  // Ok: the connection may be used, bound or not. An error: only a fresh one may, without the call.
  // It may destroy the transport, not the binding.
  using Done = std::function<void(const Status&)>;

  // `context` must outlive it. `id` names the connection in the log.
  PartitionBinding(SessionContext& context, std::uint64_t id) : context_(context), id_(id) {}

  // Whether the call is worth making; once at the most.
  bool allowed(const ConnectionMeter& meter) const;
  // The transport must live until `done`, which begin() may call.
  void begin(io::Transport& transport, Done done);
  bool underWay() const { return exchange_.has_value(); }
  // After each event of the transport, while under way.
  void step();
  // Gives up, or leaves the partition.
  void leave();

  // Empty: not bound, so one connection only.
  const std::string& partition() const { return partition_; }
  const ScaleTerms& terms() const { return terms_; }

 private:
  void answered(const BindAnswer& answer);
  void failed(const Error& error, Duration rest);

  SessionContext& context_;
  std::uint64_t id_;
  Done done_;
  std::optional<BindExchange> exchange_;
  bool tried_ = false;
  std::string partition_;
  ScaleTerms terms_;
  loop::EventLoop::Timer deadline_;
};

}  // namespace efs::tls_tunnel
