#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "efs/base/text.h"
#include "efs/efsctl/metrics.h"

namespace efs::efsctl {
namespace {

// As a label's value is written: what comes from outside may hold anything.
std::string quoted(const std::string& text) {
  std::string out = printable(text, 4096);
  out = replaceAll(std::move(out), "\\", "\\\\");
  return "\"" + replaceAll(std::move(out), "\"", "\\\"") + "\"";
}

// OpenMetrics names a counter's family without "_total".
void appendHead(std::string& text, std::string_view name, MetricType type, std::string_view help,
                MetricFormat format) {
  const bool counter = type == MetricType::kCounter;
  const char* kind = type == MetricType::kHistogram ? "histogram" : counter ? "counter" : "gauge";
  if (counter && format == MetricFormat::kOpenMetrics) name.remove_suffix(6);
  text += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, kind, name, help);
}

std::string labelsOf(const MountReport& mount) {
  return fmt::format("file_system={},mount_point={},port=\"{}\"", quoted(mount.file_system),
                     quoted(mount.mount_point), mount.port);
}

void appendWatchdog(std::string& text, const StatusReport& report, MetricFormat format) {
  appendHead(text, "efs_watchdog_up", MetricType::kGauge, "1: the watchdog answers and supervises",
             format);
  text += fmt::format("efs_watchdog_up {}\n", report.watchdog_problem.empty() ? 1 : 0);
  appendHead(text, "efs_mounts", MetricType::kGauge, "Mounts of EFS through tunnels", format);
  const auto tunnelled = std::count_if(
      report.mounts.begin(), report.mounts.end(),
      [](const MountReport& mount) { return mount.condition != MountCondition::kDirect; });
  text += fmt::format("efs_mounts {}\n", tunnelled);
}

void appendInfo(std::string& text, const StatusReport& report, MetricFormat format) {
  appendHead(text, "efs_mount_info", MetricType::kGauge, "1; what the mount is", format);
  for (const auto& mount : report.mounts) {
    text += fmt::format(
        "efs_mount_info{{{},access_point={},region={},availability_zone={},state={},cipher={}}} "
        "1\n",
        labelsOf(mount), quoted(mount.access_point), quoted(mount.region),
        quoted(mount.availability_zone), quoted(conditionName(mount.condition)),
        quoted(mount.cipher));
  }
}

// How long answers took, as the buckets of a histogram of Prometheus: cumulative, in seconds.
void appendLatency(std::string& text,
                   const std::vector<std::pair<const SeenMount*, std::string>>& mounts,
                   MetricFormat format) {
  std::string lines;
  for (const auto& [mount, labels] : mounts) {
    if (!mount->counters) continue;
    const auto& numbers = mount->counters->numbers;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < numbers.latency.size(); ++i) {
      count += numbers.latency[i];
      const bool last = i + 1 == numbers.latency.size();
      const std::string limit =
          last ? "+Inf" : fmt::format("{}", static_cast<double>(std::uint64_t{1} << i) / 1000);
      lines += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", kLatencyMetric, labels, limit, count);
    }
    lines += fmt::format("{0}_count{{{1}}} {2}\n{0}_sum{{{1}}} {3}\n", kLatencyMetric, labels,
                         count, static_cast<double>(numbers.latency_ms) / 1000);
  }
  if (lines.empty()) return;
  appendHead(text, kLatencyMetric, MetricType::kHistogram, kLatencyHelp, format);
  text += lines;
}

}  // namespace

std::string metricsText(const StatusFacts& facts, const StatusReport& report, MetricFormat format) {
  std::map<std::string, const SeenMount*> by_name;
  for (const auto& mount : facts.mounts) by_name[mount.name] = &mount;
  std::string text;
  appendWatchdog(text, report, format);
  if (!report.mounts.empty()) appendInfo(text, report, format);
  for (const Metric& metric : metricTable()) {
    std::string lines;
    for (const auto& mount : report.mounts) {
      const auto value = metric.value(*by_name.at(mount.name), mount, facts);
      if (value) lines += fmt::format("{}{{{}}} {}\n", metric.name, labelsOf(mount), *value);
    }
    if (lines.empty()) continue;
    appendHead(text, metric.name, metric.type, metric.help, format);
    text += lines;
  }
  std::vector<std::pair<const SeenMount*, std::string>> labelled;
  for (const auto& mount : report.mounts) {
    labelled.emplace_back(by_name.at(mount.name), labelsOf(mount));
  }
  appendLatency(text, labelled, format);
  return format == MetricFormat::kOpenMetrics ? text + "# EOF\n" : text;
}

}  // namespace efs::efsctl
