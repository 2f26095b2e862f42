// From facts to words: conditions, problems, table, JSON.
#include "efs/efsctl/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "efs/base/text.h"

namespace efs::efsctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kNow = WallTime(std::chrono::seconds(1767323045));  // 2026-01-02T03:04:05Z

const MonoTime kMono = MonoTime(std::chrono::hours(5));

std::uint64_t ago(Duration time) { return tunnel_control::countersTime(kMono - time); }

SeenMount healthyMount() {
  SeenMount mount;
  mount.name = "fs-0123.mnt.efs.20049";
  mount.mounted = Seen::kYes;
  mount.mount_points = {"/mnt/efs"};
  mount.state.emplace();
  mount.state->mountpoint = "/mnt/efs";
  mount.state->access_point = "fsap-9";
  mount.state->certificate = "/run/efs/x+/certificate.pem";
  mount.state->cmd = {"/usr/bin/efs-proxy", "/run/efs/stunnel-config.x", "--tls"};
  mount.tunnel_config.emplace();
  mount.tunnel_config->connect_host = "us-east-1a.fs-0123.efs.us-east-1.amazonaws.com";
  mount.tunnel_config->region = "us-east-1";
  mount.certificate_ends = kNow + std::chrono::minutes(61);
  mount.tunnel_pid = 4711;
  mount.restarts = 3;
  return mount;
}

StatusFacts factsOf(std::vector<SeenMount> mounts) {
  StatusFacts facts;
  facts.now = kNow;
  facts.now_monotonic = kMono;
  facts.watchdog.emplace();
  facts.watchdog->pid = 99;
  facts.watchdog->version = "0.1.0";
  facts.mounts = std::move(mounts);
  return facts;
}

MountReport judged(const SeenMount& mount) { return judgeStatus(factsOf({mount})).mounts.at(0); }

TEST(JudgeStatus, HealthyMountHasNoProblem) {
  const auto report = judgeStatus(factsOf({healthyMount()}));
  EXPECT_TRUE(report.healthy());
  const auto& mount = report.mounts.at(0);
  EXPECT_EQ(mount.condition, MountCondition::kMounted);
  EXPECT_EQ(mount.problem, "");
  EXPECT_EQ(mount.file_system, "fs-0123");
  EXPECT_EQ(mount.port, 20049);
  EXPECT_EQ(mount.availability_zone, "us-east-1a");
  EXPECT_TRUE(mount.tls);
}

TEST(JudgeStatus, KnowsEveryCondition) {
  auto mount = healthyMount();
  mount.tunnel_pid.reset();
  EXPECT_EQ(judged(mount).condition, MountCondition::kRecovering);
  EXPECT_EQ(judged(mount).problem, "its tunnel is being replaced");
  mount.last_error = "no such program";
  EXPECT_EQ(judged(mount).condition, MountCondition::kTunnelDown);
  EXPECT_EQ(judged(mount).problem, "its tunnel is dead: no such program");
  mount.mounted = Seen::kNo;
  EXPECT_EQ(judged(mount).condition, MountCondition::kUnmounting);
  EXPECT_EQ(judged(mount).problem, "") << "what goes away needs nothing";
  mount.mounted = Seen::kUnknown;
  EXPECT_EQ(judged(mount).condition, MountCondition::kUnknown);
  EXPECT_NE(judged(mount).problem, "");
  mount = healthyMount();
  mount.pending = true;
  mount.tunnel_pid.reset();
  mount.certificate_ends.reset();
  EXPECT_EQ(judged(mount).condition, MountCondition::kPending);
  EXPECT_EQ(judged(mount).problem, "");
}

TEST(JudgeStatus, WithoutAWatchdogADeadTunnelStaysDeadAndNothingIsHealthy) {
  auto facts = factsOf({healthyMount()});
  facts.watchdog.reset();
  facts.watchdog_error = "connecting: No such file";
  EXPECT_EQ(judgeStatus(facts).mounts[0].problem, "");
  EXPECT_FALSE(judgeStatus(facts).healthy());
  facts.mounts[0].tunnel_pid.reset();
  EXPECT_EQ(judgeStatus(facts).mounts[0].condition, MountCondition::kTunnelDown);
  facts.mounts.clear();
  EXPECT_FALSE(judgeStatus(facts).healthy()) << "the next mount would be without it, too";
  EXPECT_THAT(statusTable(judgeStatus(facts), {}), HasSubstr("no EFS mounts\nno watchdog answers"));
}

TEST(JudgeStatus, WhatItsServerKeepsWaitingIsHungAndWhatDoesNotReachItIsAway) {
  auto mount = healthyMount();
  mount.counters.emplace();
  mount.counters->numbers.oldest_call = ago(Duration(14000));
  EXPECT_EQ(judged(mount).condition, MountCondition::kMounted);
  mount.counters->numbers.oldest_call = ago(Duration(15000));
  EXPECT_EQ(judged(mount).condition, MountCondition::kHung);
  EXPECT_EQ(judged(mount).problem, "a call has waited for 15 s");
  mount.counters->numbers.unreachable_since = ago(Duration(5000));
  EXPECT_EQ(judged(mount).condition, MountCondition::kAway);
  EXPECT_STREQ(conditionName(MountCondition::kAway), "away");
}

TEST(JudgeStatus, AMountThatOnlyTheWatchdogSeesIsInAnotherNamespaceAndWell) {
  auto facts = factsOf({healthyMount()});
  facts.mounts[0].mount_points.clear();
  EXPECT_EQ(judgeStatus(facts).mounts[0].condition, MountCondition::kMounted)
      << "the table could not be read";
  facts.table_read = true;
  const auto report = judgeStatus(facts);
  EXPECT_EQ(report.mounts[0].condition, MountCondition::kForeignNamespace);
  EXPECT_EQ(report.mounts[0].mount_point, "/mnt/efs") << "of the state file";
  EXPECT_TRUE(report.healthy());
}

TEST(JudgeStatus, IdleWatchdogIsAProblem) {
  auto facts = factsOf({healthyMount()});
  facts.watchdog->idle = "disabled in /etc/x";
  const auto report = judgeStatus(facts);
  EXPECT_FALSE(report.healthy());
  EXPECT_THAT(report.watchdog_problem, HasSubstr("disabled in /etc/x"));
}

TEST(JudgeStatus, NamesCertificateTrouble) {
  auto mount = healthyMount();
  mount.certificate_ends = kNow;
  EXPECT_EQ(judged(mount).problem, "its client certificate has expired");
  mount.certificate_ends.reset();
  EXPECT_EQ(judged(mount).problem, "its client certificate cannot be read");
  mount.state->certificate.clear();
  EXPECT_EQ(judged(mount).problem, "") << "a plain mount has none";
}

TEST(JudgeStatus, NamesAnOldCallARenewalThatFailsAndABrokenStateFile) {
  auto mount = healthyMount();
  mount.counters.emplace();
  mount.counters->numbers.oldest_call = ago(Duration(14999));
  EXPECT_EQ(judged(mount).problem, "");
  EXPECT_EQ(judged(mount).oldest_call, Duration(14999));
  mount.counters->numbers.oldest_call = ago(Duration(15000));
  EXPECT_EQ(judged(mount).problem, "a call has waited for 15 s");
  mount.counters.reset();
  mount.last_error = "IMDS does not answer";
  EXPECT_EQ(judged(mount).condition, MountCondition::kMounted);
  EXPECT_EQ(judged(mount).problem, "IMDS does not answer");
  mount.state.reset();
  EXPECT_EQ(judged(mount).problem, "its state file cannot be read");
}

TEST(JudgeStatus, NamesAMountTargetThatCannotBeReached) {
  auto mount = healthyMount();
  mount.counters.emplace();
  mount.counters->facts.error = "connecting to 10.0.0.5:2049: No route to host";
  EXPECT_EQ(judged(mount).last_error, "") << "that is over";
  mount.counters->numbers.unreachable_since = ago(Duration(4000));
  EXPECT_EQ(judged(mount).problem, "");
  EXPECT_EQ(judged(mount).last_error, "connecting to 10.0.0.5:2049: No route to host");
  mount.counters->numbers.unreachable_since = ago(Duration(61000));
  EXPECT_EQ(judged(mount).problem, "its mount target has not been reached for 61 s");
}

TEST(JudgeStatus, ShowsWhereItReallyIsMounted) {
  auto mount = healthyMount();
  mount.mount_points = {"/renamed", "/bind"};
  EXPECT_EQ(judged(mount).mount_point, "/renamed");
  EXPECT_THAT(judged(mount).also_mounted_at, ElementsAre("/bind"));
}

TEST(KeepOnly, ChoosesByFileSystemOrAnyMountPoint) {
  auto other = healthyMount();
  other.name = "fs-9.mnt.b.20050";
  other.mount_points = {"/mnt/b", "/bind"};
  const auto chosen = [&](const std::string& only) {
    auto report = judgeStatus(factsOf({healthyMount(), other}));
    keepOnly(report, only);
    std::string names;
    for (const auto& mount : report.mounts) names += mount.file_system + ";";
    return names;
  };
  EXPECT_EQ(chosen("fs-0123"), "fs-0123;");
  EXPECT_EQ(chosen("/mnt/b"), "fs-9;");
  EXPECT_EQ(chosen("/bind"), "fs-9;");
  EXPECT_EQ(chosen("/mnt"), "");
}

TEST(StatusTable, AlignsColumnsAndExplainsProblems) {
  auto broken = healthyMount();
  broken.name = "fs-9.b.20050";
  broken.mount_points = {"/b\nc"};
  broken.tunnel_pid.reset();
  broken.last_error = "no such program";
  broken.state->access_point.clear();
  const std::string table =
      statusTable(judgeStatus(factsOf({healthyMount(), broken})), {.wide = true});
  EXPECT_THAT(table, HasSubstr("FILE SYSTEM  ACCESS POINT  MOUNT POINT  STATE        TARGET"));
  EXPECT_THAT(table, HasSubstr("fs-9         -             /b?c         tunnel down  us-east-1a."));
  EXPECT_THAT(table, HasSubstr("fs-0123      fsap-9        /mnt/efs     mounted      us-east-1a."));
  EXPECT_THAT(table, HasSubstr("us-east-1a  4711    yes  61 min       3         -            -\n"));
  EXPECT_THAT(table, HasSubstr("/b?c: its tunnel is dead: no such program\n"));
  EXPECT_THAT(table, Not(HasSubstr("watchdog")));
  EXPECT_EQ(statusTable(judgeStatus(factsOf({})), {}), "no EFS mounts\n");
}

// What is wrong stands below the table, in lines as long as it takes.
std::string firstLines(const std::string& text, int count) {
  std::size_t end = 0;
  for (int line = 0; line < count; ++line) end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

std::size_t longestLine(const std::string& text) {
  std::size_t longest = 0;
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

TEST(StatusTable, FitsIntoItsWidthWhateverThePath) {
  SeenMount mount = healthyMount();
  mount.name = "fs-0123456789abcdef0.mnt.20049";
  mount.restarts = 123456;
  mount.tunnel_pid.reset();
  mount.last_error = "no such program";
  mount.tunnel_config->connect_host = "ap-southeast-2a.fs-1.efs.ap-southeast-2.amazonaws.com";
  mount.tunnel_config->region = "ap-southeast-2";
  for (const std::size_t length : {1U, 20U, 40U, 400U}) {
    mount.mount_points = {"/" + std::string(length, 'x') + "/the-end"};
    const std::string table = statusTable(judgeStatus(factsOf({mount})), {});
    EXPECT_LE(longestLine(firstLines(table, 2)), kTableWidth) << table;
    EXPECT_THAT(table, HasSubstr("the-end"));
    EXPECT_THAT(table, HasSubstr("fs-0123456789abcdef0"));
  }
}

TEST(StatusTable, TheLastErrorIsToldInBothForms) {
  auto hung = healthyMount();
  hung.last_error = "/mnt/efs/scratch (tmpfs) is mounted within it";
  hung.counters.emplace();
  hung.counters->numbers.oldest_call = ago(Duration(20000));
  const auto report = judgeStatus(factsOf({hung}));
  EXPECT_THAT(report.mounts.at(0).problem, HasSubstr("a call has waited"));
  EXPECT_THAT(statusTable(report, {}), HasSubstr("/mnt/efs: " + hung.last_error + "\n"));
  EXPECT_THAT(statusTable(report, {.wide = true}), HasSubstr(hung.last_error));
}

TEST(StatusTable, ColoursAreForTerminalsAndChangeNoColumn) {
  const auto report = judgeStatus(factsOf({healthyMount()}));
  const std::string plain = statusTable(report, {});
  std::string coloured = statusTable(report, {.colours = true});
  EXPECT_THAT(plain, Not(HasSubstr("\033")));
  EXPECT_THAT(coloured, HasSubstr("\033[32mmounted\033[0m"));
  coloured = replaceAll(replaceAll(coloured, "\033[32m", ""), "\033[0m", "");
  EXPECT_EQ(coloured, plain);
}

TEST(StatusJson, HasEveryKeyOfTheReadme) {
  const std::string json = statusJson(judgeStatus(factsOf({healthyMount()})));
  for (const char* part : {R"("version": 1)",
                           R"("time": "2026-01-02T03:04:05Z")",
                           R"("healthy": true)",
                           R"("pid": 99)",
                           R"("problem": null)",
                           R"("file_system": "fs-0123")",
                           R"("access_point": "fsap-9")",
                           R"("mount_point": "/mnt/efs")",
                           R"("also_mounted_at": [])",
                           R"("state": "mounted")",
                           R"("availability_zone": "us-east-1a")",
                           R"("region": "us-east-1")",
                           R"("port": 20049)",
                           R"("tunnel_pid": 4711)",
                           R"("tls": true)",
                           R"("certificate_expires": "2026-01-02T04:05:05Z")",
                           R"("restarts": 3)",
                           R"("oldest_call_ms": null)",
                           R"("unreachable_ms": null)",
                           R"("server_address": null)",
                           R"("cipher": null)",
                           R"("last_error": null)",
                           R"("name": "fs-0123.mnt.efs.20049")"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(StatusJson, MountPointsThatAreNoUtf8DoNotBreakIt) {
  auto mount = healthyMount();
  mount.mount_points = {"/mnt/\xff\xfe"};
  EXPECT_THAT(statusJson(judgeStatus(factsOf({mount}))), HasSubstr("\"mount_point\": \"/mnt/"));
}

}  // namespace
}  // namespace efs::efsctl
