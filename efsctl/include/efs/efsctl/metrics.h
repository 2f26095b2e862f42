// efsctl metrics: the facts of `efsctl status` as numbers for Prometheus. One list of metrics
// (metricTable) makes the output and is what the documentation is held to.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "efs/efsctl/status.h"

namespace efs::efsctl {

enum class MetricType { kGauge, kCounter, kHistogram };

// A number of one mount.
struct Metric {
  std::string_view name;  // with "_total" where it is a counter
  MetricType type = MetricType::kGauge;
  std::string_view help;
  // nullopt: not known of this mount at present.
  std::optional<double> (*value)(const SeenMount& facts, const MountReport& report,
                                 const StatusFacts& all) = nullptr;
};
std::span<const Metric> metricTable();
// The one that is no single number: how long the answers of the server took.
inline constexpr std::string_view kLatencyMetric = "efs_tunnel_call_duration_seconds";
inline constexpr std::string_view kLatencyHelp =
    "From an NFS call's first byte to its reply's last, in the tunnel";

// kOpenMetrics: version 1.0.0; kPrometheus: text format 0.0.4, as node_exporter reads it from
// files.
enum class MetricFormat { kOpenMetrics, kPrometheus };

// `report` is judgeStatus(facts). Pure.
std::string metricsText(const StatusFacts& facts, const StatusReport& report, MetricFormat format);

struct MetricsOptions {
  bool help = false;
  std::string textfile;             // path; empty: standard output
  std::vector<std::string> listen;  // addresses; then a server, until it is ended
  std::string group;                // that may ask at a local socket
  bool until_eof = false;           // the server ends with its standard input
  StatusOptions status;
};
Result<MetricsOptions> parseMetricsOptions(const std::vector<std::string>& words);
std::string metricsHelp();
// The subcommand: its words, its exit code.
int runMetrics(const std::vector<std::string>& words);

}  // namespace efs::efsctl
