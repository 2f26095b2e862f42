#include "efs/tls_tunnel/tunnel_meter.h"

#include <algorithm>

namespace efs::tls_tunnel {

using tunnel_control::TunnelNumbers;

namespace {

// Zero means "none".
std::uint64_t earlier(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

void addTotals(TunnelNumbers& sum, const ConnectionMeter& connection) {
  sum.bytes_up += connection.bytes_up;
  sum.bytes_down += connection.bytes_down;
  sum.last_client_byte = std::max(sum.last_client_byte, connection.last_up);
  sum.last_upstream_byte = std::max(sum.last_upstream_byte, connection.last_down);
  if (!connection.calls) return;
  sum.calls += connection.calls->calls();
  sum.replies += connection.calls->replies();
  sum.backchannel_calls += connection.calls->backchannelCalls();
}

void addPresent(TunnelNumbers& sum, const ConnectionMeter& connection) {
  sum.upstream_state = std::max(sum.upstream_state, static_cast<std::uint64_t>(connection.state));
  if (!connection.calls) return;
  if (!connection.calls->measuring()) ++sum.unmeasured;
  sum.outstanding += connection.calls->outstanding();
  const std::uint64_t oldest = connection.calls->oldest();
  if (oldest == 0) return;
  sum.oldest_call = earlier(sum.oldest_call, oldest);
  if (connection.client_blocks) return;
  sum.silent_since = earlier(sum.silent_since, std::max(oldest, connection.last_down));
}

}  // namespace

void TunnelMeter::add(const ConnectionMeter& connection) {
  ++totals_.connections_total;
  connections_.push_back(&connection);
}

void TunnelMeter::remove(const ConnectionMeter& connection) {
  const auto found = std::find(connections_.begin(), connections_.end(), &connection);
  if (found == connections_.end()) return;
  addTotals(totals_, connection);
  connections_.erase(found);
}

void TunnelMeter::attemptFailed(const Error& error, std::uint64_t now) {
  if (totals_.attempts_failed++ == 0) totals_.unreachable_since = now;
  failed(error, now);
}

void TunnelMeter::serverAnswered() {
  totals_.attempts_failed = 0;
  totals_.unreachable_since = 0;
}

void TunnelMeter::failed(const Error& error, std::uint64_t now) {
  facts_.error = error.describe();
  facts_.error_time = now;
  publishFacts();
}

TunnelNumbers TunnelMeter::numbers() const {
  TunnelNumbers sum = totals_;
  sum.connections_open = connections_.size();
  sum.reconnects = connected_ > 1 ? connected_ - 1 : 0;
  for (const ConnectionMeter* connection : connections_) {
    addTotals(sum, *connection);
    addPresent(sum, *connection);
  }
  return sum;
}

}  // namespace efs::tls_tunnel
