// From facts to numbers for Prometheus; that Prometheus reads them is tests/integration/efsctl.
#include "efs/efsctl/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "efs/efsctl/efsctl.h"

namespace efs::efsctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

StatusFacts oneMount() {
  StatusFacts facts;
  facts.now = WallTime(std::chrono::seconds(1767323045));
  facts.now_monotonic = MonoTime(std::chrono::hours(5));
  facts.watchdog.emplace();
  SeenMount mount;
  mount.name = "fs-0123.mnt.20049";
  mount.mounted = Seen::kYes;
  mount.mount_points = {"/mnt/a \"quoted\" \\ place"};
  mount.tunnel_pid = 7;
  mount.restarts = 2;
  mount.certificate_ends = facts.now + std::chrono::hours(1);
  mount.counters.emplace();
  mount.counters->numbers.bytes_down = 5000000000;
  mount.counters->numbers.calls = 12;
  mount.counters->numbers.oldest_call =
      tunnel_control::countersTime(facts.now_monotonic - Duration(1500));
  facts.mounts = {mount};
  return facts;
}

std::string textOf(const StatusFacts& facts, MetricFormat format = MetricFormat::kOpenMetrics) {
  return metricsText(facts, judgeStatus(facts), format);
}

TEST(MetricTable, NamesAreUniqueAndOnlyCountersEndInTotal) {
  std::set<std::string_view> names;
  for (const auto& metric : metricTable()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_EQ(metric.name.ends_with("_total"), metric.type == MetricType::kCounter) << metric.name;
    EXPECT_FALSE(metric.help.empty()) << metric.name;
  }
}

TEST(MetricsText, EachNumberCarriesItsMount) {
  const std::string text = textOf(oneMount());
  const std::string labels =
      R"({file_system="fs-0123",mount_point="/mnt/a \"quoted\" \\ place",port="20049"})";
  EXPECT_THAT(text, HasSubstr("efs_tunnel_up" + labels + " 1\n"));
  EXPECT_THAT(text, HasSubstr("efs_tunnel_restarts_total" + labels + " 2\n"));
  EXPECT_THAT(text, HasSubstr("efs_tunnel_received_bytes_total" + labels + " 5000000000\n"));
  EXPECT_THAT(text, HasSubstr("efs_mount_oldest_call_seconds" + labels + " 1.5\n"));
  EXPECT_THAT(text, HasSubstr("efs_mount_unreachable_seconds" + labels + " 0\n"));
  EXPECT_THAT(text, HasSubstr("efs_watchdog_up 1\n"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST(MetricsText, CountersAreNamedAsEachFormatDemands) {
  EXPECT_THAT(textOf(oneMount()), HasSubstr("# TYPE efs_tunnel_calls counter\n"));
  const std::string plain = textOf(oneMount(), MetricFormat::kPrometheus);
  EXPECT_THAT(plain, HasSubstr("# TYPE efs_tunnel_calls_total counter\n"));
  EXPECT_THAT(plain, Not(HasSubstr("# EOF")));
}

TEST(MetricsText, WhatIsUnknownIsLeftOut) {
  StatusFacts facts = oneMount();
  facts.mounts[0].counters.reset();
  facts.mounts[0].restarts.reset();
  facts.watchdog.reset();
  const std::string text = textOf(facts);
  EXPECT_THAT(text, Not(HasSubstr("efs_tunnel_calls")));
  EXPECT_THAT(text, Not(HasSubstr("efs_tunnel_restarts")));
  EXPECT_THAT(text, HasSubstr("efs_watchdog_up 0\n"));
  facts.mounts.clear();
  EXPECT_THAT(textOf(facts), HasSubstr("efs_mounts 0\n"));
  EXPECT_THAT(textOf(facts), Not(HasSubstr("efs_mount_info")));
}

TEST(MetricsText, AnswersAreAHistogram) {
  StatusFacts facts = oneMount();
  auto& numbers = facts.mounts[0].counters->numbers;
  numbers.latency[0] = 5;
  numbers.latency[2] = 1;
  numbers.latency[numbers.latency.size() - 1] = 2;
  numbers.latency_ms = 12003;
  const std::string text = textOf(facts);
  EXPECT_THAT(text, HasSubstr("# TYPE efs_tunnel_call_duration_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr(",le=\"0.001\"} 5\n"));
  EXPECT_THAT(text, HasSubstr(",le=\"0.004\"} 6\n"));
  EXPECT_THAT(text, HasSubstr(",le=\"4.096\"} 6\n"));
  EXPECT_THAT(text, HasSubstr(",le=\"+Inf\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("_sum{file_system=\"fs-0123\""));
  EXPECT_THAT(text, HasSubstr("} 12.003\n"));
}

TEST(MetricsText, AMountWithoutATunnelIsNamedButHasNoTunnelThatCouldBeDown) {
  StatusFacts facts = oneMount();
  SeenMount direct;
  direct.name = "direct.0:50";
  direct.mounted = Seen::kYes;
  direct.mount_points = {"/mnt/direct"};
  direct.direct = {.file_system = "fs-9", .host = "h", .address = "10.0.0.7", .region = "r"};
  facts.mounts = {direct};
  const std::string text = textOf(facts);
  EXPECT_THAT(text, HasSubstr("efs_mounts 0\n"));
  EXPECT_THAT(text, HasSubstr("state=\"direct\""));
  EXPECT_THAT(text, Not(HasSubstr("efs_tunnel_up")));
}

TEST(MetricsOptions, TakeAPathAndRefuseOthers) {
  EXPECT_EQ(parseMetricsOptions({"--textfile", "/x"})->textfile, "/x");
  EXPECT_FALSE(parseMetricsOptions({"--textfile"}));
  EXPECT_FALSE(parseMetricsOptions({"fs-1"}));
  EXPECT_EQ(runEfsctl({"efsctl", "metrics", "--help"}), kHealthy);
}

}  // namespace
}  // namespace efs::efsctl
