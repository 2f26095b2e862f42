// TunnelMeter: adds up what the connections of a tunnel do and publishes it in the page of counters
// (tunnel_counters.h). Nothing here takes a timer or wakes the tunnel: ages are the reader's to
// compute from the times in the page.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "efs/base/error.h"
#include "efs/tls_tunnel/call_tracker.h"
#include "efs/tunnel_control/tunnel_counters.h"

namespace efs::tls_tunnel {

// What one connection has done; its session keeps it up to date and calls publish().
struct ConnectionMeter {
  tunnel_control::UpstreamState state = tunnel_control::UpstreamState::kIdle;
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::uint64_t last_up = 0;    // time of the last byte from the client
  std::uint64_t last_down = 0;  // time of the last byte from the server
  // The client does not read, so it is not the server that is silent.
  bool client_blocks = false;
  std::unique_ptr<CallTracker> calls;  // while it relays
};

class TunnelMeter {
 public:
  explicit TunnelMeter(tunnel_control::CountersWriter writer) : writer_(std::move(writer)) {}

  tunnel_control::TunnelFacts& facts() { return facts_; }
  void publishFacts() { writer_.publish(facts_); }

  // Connections that count: those whose client has said something.
  void add(const ConnectionMeter& connection);
  // Keeps its totals.
  void remove(const ConnectionMeter& connection);
  void setStrangers(std::uint64_t count) { totals_.strangers_refused = count; }
  void connected() { ++connected_; }
  void attemptFailed(const Error& error, std::uint64_t now);
  // A server's first byte: it can be reached and takes us.
  void serverAnswered();
  // Something broke that is worth being shown.
  void failed(const Error& error, std::uint64_t now);

  tunnel_control::TunnelNumbers numbers() const;
  void publish() { writer_.publish(numbers()); }
  void removePage() { writer_.remove(); }

 private:
  tunnel_control::CountersWriter writer_;
  tunnel_control::TunnelFacts facts_;
  tunnel_control::TunnelNumbers totals_;  // of connections that ended
  std::uint64_t connected_ = 0;
  std::vector<const ConnectionMeter*> connections_;
};

}  // namespace efs::tls_tunnel
