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
  std::uint64_t asked = 0;      // time of the first byte from the client
  // Since when the one waited whose place it took; 0 = it took none's. Until its own first byte
  // from the server.
  std::uint64_t inherited = 0;
  bool question = false;  // the watchdog's: nobody waits for the answer
  // The client does not read, so it is not the server that is silent.
  bool client_blocks = false;
  // The client has ended its side: nobody of the kernel's waits here any more.
  bool client_ended = false;
  std::unique_ptr<CallTracker> calls;  // while it relays
};

class TunnelMeter {
 public:
  explicit TunnelMeter(tunnel_control::CountersWriter writer) : writer_(std::move(writer)) {}

  tunnel_control::TunnelFacts& facts() { return facts_; }
  void publishFacts() { writer_.publish(facts_); }

  // Connections that count: those whose client has said something, at `asked`.
  void add(ConnectionMeter& connection);
  // Keeps its totals, and since when it has waited if it has: its client will come back.
  void remove(const ConnectionMeter& connection, std::uint64_t now);
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
  // A connection that ended without an answer. The kernel comes back for it, after 3 s ... 5 min
  // (XS_TCP_INIT_REEST_TO, XS_TCP_MAX_REEST_TO), unless who waited gave up.
  struct Absent {
    std::uint64_t since = 0;
    std::uint64_t ended = 0;
  };
  void addAbsent(tunnel_control::TunnelNumbers& sum) const;
  // Time of the last byte from a server that answers no question of the watchdog's.
  std::uint64_t lastAnswer() const;

  tunnel_control::CountersWriter writer_;
  tunnel_control::TunnelFacts facts_;
  tunnel_control::TunnelNumbers totals_;  // of connections that ended
  std::uint64_t connected_ = 0;
  std::vector<const ConnectionMeter*> connections_;
  std::vector<Absent> absent_;     // the one that waited longest first
  std::uint64_t last_answer_ = 0;  // to connections that ended
};

}  // namespace efs::tls_tunnel
