// gatherStatus() on a real state directory, with a mount table of the test and no watchdog.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "efs/base/files.h"
#include "efs/efsctl/status.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::efsctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct GatherStatus : ::testing::Test {
  void SetUp() override {
    options.state_dir = dir.path();
    options.mountinfo = dir.write(
        "mountinfo",
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:50 / /mnt/a\\040b rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20049,addr=127.0.0.1\n"
        "41 22 0:50 / /bind rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20049,addr=127.0.0.1\n");
  }
  StatusFacts gather() {
    auto facts = gatherStatus(options, test_support::RealClock("the watchdog's socket"));
    EXPECT_TRUE(facts);
    return facts ? *facts : StatusFacts{};
  }
  test_support::TempDir dir;
  StatusOptions options;
};

TEST_F(GatherStatus, JoinsStateFilesConfigurationAndMountTable) {
  dir.write("fs-1.mnt.a b.20049", R"({"pid": 999999999, "mountpoint": "/mnt/a b", "cmd": []})");
  tunnel_control::TunnelConfig config;
  config.pid_file = dir.at("stunnel.pid");
  config.accept_port = 20049;
  config.connect_host = "fs-1.efs.eu-west-1.amazonaws.com";
  dir.write("stunnel-config.fs-1.mnt.a b.20049", config.serialize(true));
  dir.write("~fs-2.mnt.c.20050", "{}");
  const auto facts = gather();
  EXPECT_FALSE(facts.watchdog);
  EXPECT_THAT(facts.watchdog_error, HasSubstr("watchdog"));
  ASSERT_EQ(facts.mounts.size(), 2U);
  EXPECT_EQ(facts.mounts[0].name, "fs-1.mnt.a b.20049");
  EXPECT_EQ(facts.mounts[0].mounted, Seen::kYes);
  EXPECT_THAT(facts.mounts[0].mount_points, ElementsAre("/mnt/a b", "/bind"));
  EXPECT_EQ(facts.mounts[0].tunnel_pid, std::nullopt) << "no such process";
  const auto load = tunnel_control::TunnelConfig::load(dir.at("stunnel-config.fs-1.mnt.a b.20049"));
  ASSERT_TRUE(facts.mounts[0].tunnel_config) << (load ? "" : load.error().message());
  EXPECT_EQ(facts.mounts[0].tunnel_config->connect_host, "fs-1.efs.eu-west-1.amazonaws.com");
  EXPECT_TRUE(facts.mounts[1].pending);
  EXPECT_EQ(facts.mounts[1].mounted, Seen::kNo);
}

TEST_F(GatherStatus, BrokenStateFileAndUnreadableTableAreFactsToo) {
  dir.write("fs-1.mnt.a.20049", "{\"pid\": ");
  options.mountinfo = dir.at("missing");
  const auto facts = gather();
  ASSERT_EQ(facts.mounts.size(), 1U);
  EXPECT_FALSE(facts.mounts[0].state);
  EXPECT_EQ(facts.mounts[0].mounted, Seen::kUnknown);
}

TEST_F(GatherStatus, MountsOfEfsWithoutATunnelAreSeenByTheirNames) {
  options.mountinfo = dir.write(
      "mountinfo",
      "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
      "40 22 0:50 / /mnt/a rw - nfs4 us-east-1a.fs-0123abcd.efs.us-east-1.amazonaws.com:/ "
      "rw,vers=4.1,addr=10.0.0.7\n"
      "41 22 0:50 /x /bind rw - nfs4 us-east-1a.fs-0123abcd.efs.us-east-1.amazonaws.com:/ "
      "rw,vers=4.1,addr=10.0.0.7\n"
      "42 22 0:51 / /mnt/nas rw - nfs4 nas.example.com:/ rw,addr=10.0.0.8\n"
      "43 22 0:52 / /mnt/ip rw - nfs4 10.0.0.9:/ rw,addr=10.0.0.9\n");
  auto facts = gather();
  ASSERT_EQ(facts.mounts.size(), 1U);
  EXPECT_THAT(facts.mounts[0].mount_points, ElementsAre("/mnt/a", "/bind"));
  facts.watchdog.emplace();
  const auto report = judgeStatus(facts);
  EXPECT_EQ(report.mounts[0].condition, MountCondition::kDirect);
  EXPECT_EQ(report.mounts[0].file_system, "fs-0123abcd");
  EXPECT_EQ(report.mounts[0].availability_zone, "us-east-1a");
  EXPECT_EQ(report.mounts[0].server_address, "10.0.0.7");
  EXPECT_EQ(report.mounts[0].port, 2049);
  EXPECT_TRUE(report.healthy());
  EXPECT_THAT(statusJson(report), HasSubstr("\"name\": null"));
  EXPECT_THAT(statusTable(report, {}), HasSubstr("direct"));
}

TEST_F(GatherStatus, MissingStateDirectoryHasNoMounts) {
  options.state_dir = dir.at("nowhere");
  EXPECT_TRUE(gather().mounts.empty());
}

}  // namespace
}  // namespace efs::efsctl
