#include <array>

#include "efs/base/clock.h"
#include "efs/efsctl/metrics.h"

namespace efs::efsctl {
namespace {

using Value = std::optional<double>;
using tunnel_control::TunnelNumbers;

double seconds(Duration time) { return static_cast<double>(time.count()) / 1000; }

// A number of the tunnel's page of counters.
template <std::uint64_t TunnelNumbers::*kField>
Value number(const SeenMount& facts, const MountReport& /*report*/, const StatusFacts& /*all*/) {
  if (!facts.counters) return std::nullopt;
  return static_cast<double>(facts.counters->numbers.*kField);
}

// How long ago one of its times was; 0 where there is none.
template <std::uint64_t TunnelNumbers::*kField>
Value age(const SeenMount& facts, const MountReport& /*report*/, const StatusFacts& all) {
  if (!facts.counters) return std::nullopt;
  const std::uint64_t time = facts.counters->numbers.*kField;
  if (time == 0) return 0.0;
  return seconds(tunnel_control::countersAge(time, all.now_monotonic));
}

Value healthy(const SeenMount& /*facts*/, const MountReport& report, const StatusFacts& /*all*/) {
  return report.problem.empty() ? 1.0 : 0.0;
}

Value tunnelUp(const SeenMount& facts, const MountReport& report, const StatusFacts& /*all*/) {
  if (facts.direct) return std::nullopt;
  return report.tunnel_pid ? 1.0 : 0.0;
}

Value restarts(const SeenMount& facts, const MountReport& /*report*/, const StatusFacts& /*all*/) {
  if (!facts.restarts) return std::nullopt;
  return static_cast<double>(*facts.restarts);
}

Value certificateEnd(const SeenMount& facts, const MountReport& /*report*/,
                     const StatusFacts& /*all*/) {
  if (!facts.certificate_ends) return std::nullopt;
  return secondsSinceEpoch(*facts.certificate_ends);
}

Value handshake(const SeenMount& facts, const MountReport& /*report*/, const StatusFacts& /*all*/) {
  if (!facts.counters || facts.counters->facts.tls.empty()) return std::nullopt;
  return static_cast<double>(facts.counters->facts.handshake_ms) / 1000;
}

Value connecting(const SeenMount& facts, const MountReport& /*report*/,
                 const StatusFacts& /*all*/) {
  // The address may be that of a tunnel before; then nothing has come from there yet.
  if (!facts.counters || facts.counters->facts.upstream.empty()) return std::nullopt;
  if (facts.counters->numbers.bytes_down == 0) return std::nullopt;
  return static_cast<double>(facts.counters->facts.connect_ms) / 1000;
}

constexpr auto kGauge = MetricType::kGauge;
constexpr auto kCounter = MetricType::kCounter;

constexpr std::array kTable = {
    Metric{"efs_mount_healthy", kGauge, "1: nothing is wrong with the mount", healthy},
    Metric{"efs_mount_oldest_call_seconds", kGauge, "Age of the oldest NFS call without an answer",
           age<&TunnelNumbers::oldest_call>},
    Metric{"efs_mount_waiting_seconds", kGauge,
           "For how long somebody has waited while the server sent nothing",
           age<&TunnelNumbers::waiting_since>},
    Metric{"efs_mount_unreachable_seconds", kGauge, "For how long no server could be reached",
           age<&TunnelNumbers::unreachable_since>},
    Metric{"efs_tunnel_up", kGauge, "1: the tunnel runs", tunnelUp},
    Metric{"efs_tunnel_restarts_total", kCounter, "Tunnels started since the watchdog began",
           restarts},
    Metric{"efs_tunnel_certificate_expiry_timestamp_seconds", kGauge,
           "When the client certificate ends, seconds since 1970", certificateEnd},
    Metric{"efs_tunnel_sent_bytes_total", kCounter, "Bytes taken from the kernel",
           number<&TunnelNumbers::bytes_up>},
    Metric{"efs_tunnel_received_bytes_total", kCounter, "Bytes taken from the server",
           number<&TunnelNumbers::bytes_down>},
    Metric{"efs_tunnel_calls_total", kCounter, "NFS calls of the kernel",
           number<&TunnelNumbers::calls>},
    Metric{"efs_tunnel_replies_total", kCounter, "Whole replies of the server",
           number<&TunnelNumbers::replies>},
    Metric{"efs_tunnel_calls_outstanding", kGauge, "Calls without a reply",
           number<&TunnelNumbers::outstanding>},
    Metric{"efs_tunnel_reconnects_total", kCounter, "Connections to the server after the first",
           number<&TunnelNumbers::reconnects>},
    Metric{"efs_tunnel_connections_open", kGauge, "Connections of the kernel now",
           number<&TunnelNumbers::connections_open>},
    Metric{"efs_tunnel_strangers_refused_total", kCounter,
           "Connections of local users that may not connect",
           number<&TunnelNumbers::strangers_refused>},
    Metric{"efs_tunnel_connect_seconds", kGauge,
           "Name and TCP of the newest connection to the server", connecting},
    Metric{"efs_tunnel_handshake_seconds", kGauge, "TLS handshake of that connection", handshake},
};

}  // namespace

std::span<const Metric> metricTable() { return kTable; }

}  // namespace efs::efsctl
