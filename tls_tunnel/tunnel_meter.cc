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

// While a server answers others for so long and nobody comes back for this answer, it is either not
// waited for any more or counts again when somebody does come.
constexpr std::uint64_t kPassedOver = 15000;
// Longer than any pause of the kernel's: nobody will come.
constexpr std::uint64_t kGivenUp = 320000;
constexpr std::size_t kMostAbsent = 64;  // as many as may be open at once

// Since when a connection has waited; 0 = it does not.
std::uint64_t waits(const ConnectionMeter& connection) {
  if (connection.question) return 0;
  if (!connection.calls) return earlier(connection.inherited, connection.asked);
  // A middlebox that says something of its own, connection for connection, is as good as silent.
  const std::uint64_t no_server = connection.calls->answeredByNoServer();
  const std::uint64_t oldest = std::max(no_server, connection.calls->oldest());
  if (oldest == 0 || connection.client_blocks) return 0;
  const bool unanswered = connection.last_down == 0 || no_server != 0;
  if (unanswered && connection.inherited != 0) return connection.inherited;
  return std::max(oldest, connection.last_down);
}

void addTotals(TunnelNumbers& sum, const ConnectionMeter& connection) {
  sum.bytes_up += connection.bytes_up;
  sum.bytes_down += connection.bytes_down;
  sum.last_client_byte = std::max(sum.last_client_byte, connection.last_up);
  sum.last_upstream_byte = std::max(sum.last_upstream_byte, connection.last_down);
  if (connection.question) sum.question_bytes += connection.bytes_down;
  if (!connection.calls) return;
  sum.calls += connection.calls->calls();
  sum.replies += connection.calls->replies();
  sum.backchannel_calls += connection.calls->backchannelCalls();
  if (connection.question) return;
  for (std::size_t i = 0; i < sum.latency.size(); ++i) {
    sum.latency[i] += connection.calls->latency()[i];
  }
  sum.latency_ms += connection.calls->latencySum();
}

void addPresent(TunnelNumbers& sum, const ConnectionMeter& connection) {
  sum.upstream_state = std::max(sum.upstream_state, static_cast<std::uint64_t>(connection.state));
  if (!connection.calls) ++sum.unread;
  // The watchdog's: it must not see its own question as a client that waits.
  if (connection.question) return;
  ++sum.clients;
  if (!connection.client_ended) sum.waiting_since = earlier(sum.waiting_since, waits(connection));
  if (!connection.calls) {
    ++sum.pending;
    return;
  }
  if (!connection.calls->measuring()) ++sum.unmeasured;
  sum.outstanding += connection.calls->outstanding();
  const std::uint64_t oldest = connection.calls->oldest();
  if (oldest == 0) return;
  sum.oldest_call = earlier(sum.oldest_call, oldest);
  if (connection.client_blocks || connection.client_ended) return;
  sum.silent_since = earlier(sum.silent_since, std::max(oldest, connection.last_down));
}

}  // namespace

void TunnelMeter::add(ConnectionMeter& connection) {
  ++totals_.connections_total;
  connections_.push_back(&connection);
  if (connection.question) {
    ++totals_.questions;
    return;
  }
  std::erase_if(absent_,
                [&](const Absent& one) { return connection.asked > one.ended + kGivenUp; });
  if (absent_.empty()) return;
  // Whoever comes next is taken for the one that has waited longest: which connection the kernel
  // makes anew cannot be told, and too early a time is found out by the watchdog's own question.
  connection.inherited = absent_.front().since;
  absent_.erase(absent_.begin());
}

void TunnelMeter::remove(const ConnectionMeter& connection, std::uint64_t now) {
  const auto found = std::find(connections_.begin(), connections_.end(), &connection);
  if (found == connections_.end()) return;
  addTotals(totals_, connection);
  // Before the connection goes, whose last byte may be the last of all.
  last_answer_ = lastAnswer();
  connections_.erase(found);
  std::uint64_t since = waits(connection);
  if (since == 0) return;
  // Nothing of a server's in all its life: also the time before its upstream was there.
  const bool no_server = connection.calls && connection.calls->answeredByNoServer() != 0;
  if (connection.last_down == 0 || no_server)
    since = earlier(connection.inherited, connection.asked);
  const auto later = std::find_if(absent_.begin(), absent_.end(),
                                  [&](const Absent& one) { return one.since > since; });
  absent_.insert(later, {since, now});
  if (absent_.size() > kMostAbsent) absent_.pop_back();
}

std::uint64_t TunnelMeter::lastAnswer() const {
  std::uint64_t last = last_answer_;
  for (const ConnectionMeter* connection : connections_) {
    if (!connection->question) last = std::max(last, connection->last_down);
  }
  return last;
}

void TunnelMeter::addAbsent(TunnelNumbers& sum) const {
  const std::uint64_t last_answer = lastAnswer();
  for (const Absent& one : absent_) {
    if (last_answer > one.ended + kPassedOver) continue;
    ++sum.absent;
    sum.waiting_since = earlier(sum.waiting_since, one.since);
  }
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
  // Tells the reader that waits survive a reset here; older tunnels forget them.
  sum.remembers = 1;
  sum.connections_open = connections_.size();
  sum.reconnects = connected_ > 1 ? connected_ - 1 : 0;
  for (const ConnectionMeter* connection : connections_) {
    addTotals(sum, *connection);
    addPresent(sum, *connection);
  }
  addAbsent(sum);
  return sum;
}

}  // namespace efs::tls_tunnel
