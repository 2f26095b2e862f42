#include "repair/target_switch.h"

#include <gtest/gtest.h>

#include "efs/tunnel_control/tunnel_config.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

constexpr const char* kConfig =
    "fips = no\npid = /x\n[efs]\nclient = yes\naccept = 127.0.0.1:20049\n"
    "connect = use1-az1.fs-0123.efs.us-east-1.amazonaws.com:2049\nsslVersion = TLSv1.2\n"
    "checkHost = fs-0123.efs.us-east-1.amazonaws.com\nunknown = kept";

TEST(TargetSwitch, ChangesNothingButTheTarget) {
  const auto moved = moveTo(kConfig, "10.0.2.7");
  ASSERT_TRUE(moved);
  const auto config = tunnel_control::TunnelConfig::parse(*moved, "test");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->connect_host, "10.0.2.7");
  EXPECT_EQ(config->connect_port, 2049);
  EXPECT_EQ(config->check_host, "fs-0123.efs.us-east-1.amazonaws.com");
  EXPECT_EQ(homeTarget(*moved), "use1-az1.fs-0123.efs.us-east-1.amazonaws.com:2049");
  EXPECT_EQ(moveHome(*moved).value(), kConfig);
}

TEST(TargetSwitch, RemembersTheFirstHome) {
  const auto twice = moveTo(moveTo(kConfig, "10.0.2.7").value(), "fd00::1");
  ASSERT_TRUE(twice);
  EXPECT_EQ(tunnel_control::TunnelConfig::parse(*twice, "test")->connect_host, "fd00::1");
  EXPECT_EQ(moveHome(*twice).value(), kConfig);
}

TEST(TargetSwitch, AddsNoLine) {
  for (const char* host : {"", "a b", "a\ncert = /x", "a=b", "[::1]"}) {
    EXPECT_FALSE(moveTo(kConfig, host)) << host;
  }
}

TEST(TargetSwitch, IsHomeWithoutTheKey) {
  EXPECT_FALSE(homeTarget(kConfig));
  EXPECT_FALSE(moveHome(kConfig));
  EXPECT_FALSE(moveTo("[efs]\n", "10.0.0.1"));
  EXPECT_FALSE(moveTo("connect = nothing", "10.0.0.1"));
}

// The regional name leads only to the own zone's target.
TEST(TargetNames, AskEachZoneOfTheRegion) {
  const std::string name = "fs-0123456789abcdef0.efs.us-east-1.amazonaws.com";
  const auto names = targetNames(name, "us-east-1");
  ASSERT_EQ(names.size(), 7U);
  EXPECT_EQ(names[0], name);
  EXPECT_EQ(names[1], "us-east-1a." + name);
  EXPECT_EQ(names[6], "us-east-1f." + name);
}

// Section 21: names of S3 Files begin with the ids of zones, which only a name in use tells.
TEST(TargetNames, OfS3FilesAreByTheIdsOfZones) {
  const std::string name = "fs-1.s3files.us-west-2.on.aws";
  const auto names = targetNames(name, "us-west-2", "usw2-lax1-az2." + name);
  ASSERT_EQ(names.size(), 7U);
  EXPECT_EQ(names[1], "usw2-lax1-az1." + name);
  EXPECT_EQ(names[6], "usw2-lax1-az6." + name);
  EXPECT_EQ(targetNames(name, "us-west-2", "10.0.0.1"), std::vector<std::string>{name});
  EXPECT_EQ(targetNames(name, "us-west-2"), std::vector<std::string>{name});
}

TEST(TargetNames, LeaveNamesOfTheUsersOwnAlone) {
  EXPECT_EQ(targetNames("nfs.example.com", "us-east-1"),
            std::vector<std::string>{"nfs.example.com"});
  EXPECT_EQ(targetNames("fs-1.efs", ""), std::vector<std::string>{"fs-1.efs"});
}

}  // namespace
}  // namespace efs::watchdog
