#include "efs/mount_helper/fallback_target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "efs/base/log.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mount_helper {
namespace {

const test_support::FakeClock kClock;

aws::MountTargetRecord record(const std::string& letter, const std::string& ip,
                              const std::string& state = "available") {
  return {"fsmt-" + letter, "us-east-1" + letter, "use1-az" + letter, state, ip, ""};
}

// An API and a network with fixed answers.
struct World {
  std::vector<aws::MountTargetRecord> records{record("a", "10.0.0.1"), record("b", "10.0.0.2"),
                                              record("c", "10.0.0.3", "creating")};
  Zone own{"us-east-1b", "use1-azb"};
  Result<std::string> zone_id = std::string("use1-azb");
  std::vector<std::string> dead = {};
  std::vector<std::string> tried = {};

  FallbackEdges edges() {
    return {[this]() -> Result<std::vector<aws::MountTargetRecord>> { return records; },
            [this](const std::string&) { return zone_id; }, [this] { return own; },
            [this](const std::vector<std::string>& ips) { return reach(ips); }};
  }
  Result<ReachReport> reach(const std::vector<std::string>& ips) {
    ReachReport report;
    for (const auto& ip : ips) {
      tried.push_back(ip);
      report.tried.push_back({ip, std::nullopt, Duration(1)});
      if (std::find(dead.begin(), dead.end(), ip) == dead.end()) {
        report.winner = ip;
        break;
      }
      report.tried.back().failure = Error(ErrorKind::kTimeout, ip + " is silent");
    }
    return report;
  }
  Result<ApiTarget> find(const std::optional<std::string>& az = {}) {
    return findByApi("fs-1", az, edges(), kClock);
  }
};

// What the helper writes to its log while `body` runs.
std::string logged(const std::function<void()>& body) {
  const test_support::TempDir dir;
  const std::string path = dir.at("mount.log");
  if (!log::open({.path = path})) return "no log";
  body();
  log::setLevel(log::Level::kOff);
  return test_support::contentOf(path);
}

// DNS-6
TEST(FindByApi, TakesTheTargetOfOurOwnZone) {
  World world;
  EXPECT_EQ(world.find()->address, "10.0.0.2");
  EXPECT_EQ(world.tried, std::vector<std::string>{"10.0.0.2"});
}

// Zone names differ between accounts, ids do not.
TEST(FindByApi, TheZoneIdDecidesOverTheName) {
  World world;
  world.own = {"us-east-1a", "use1-azb"};
  EXPECT_EQ(world.find()->address, "10.0.0.2");
}

// DNS-6: at last another zone's target, with a warning that names cost and latency; section 19.
TEST(FindByApi, TakesAnotherZoneLastAndWarns) {
  World world;
  world.dead = {"10.0.0.2"};
  const std::string text = logged([&] { EXPECT_EQ(world.find()->address, "10.0.0.1"); });
  EXPECT_NE(text.find("WARNING"), std::string::npos) << text;
  EXPECT_NE(text.find("us-east-1a (use1-aza)"), std::string::npos);
  EXPECT_NE(text.find("slower"), std::string::npos);
  EXPECT_NE(text.find("billed"), std::string::npos);
  EXPECT_NE(text.find("Found fall back mount target ip address 10.0.0.1"), std::string::npos);
}

TEST(FindByApi, DoesNotWarnAboutOurOwnZone) {
  World world;
  const std::string text = logged([&] { ASSERT_TRUE(world.find()); });
  EXPECT_EQ(text.find("WARNING"), std::string::npos) << text;
}

TEST(FindByApi, NeverLeavesTheZoneTheUserChose) {
  World world;
  world.dead = {"10.0.0.2"};
  EXPECT_FALSE(world.find("us-east-1b"));
  EXPECT_EQ(world.tried, std::vector<std::string>{"10.0.0.2"});
}

TEST(FindByApi, TheZonesNameDoesWhereItsIdMayNotBeAsked) {
  World world;
  world.zone_id = Error(ErrorKind::kPermission, "not authorized");
  EXPECT_EQ(world.find("us-east-1a")->address, "10.0.0.1");
}

TEST(FindByApi, WithoutAnOwnZoneAnyAvailableTargetDoes) {
  World world;
  world.own = {};
  const auto found = world.find();
  ASSERT_TRUE(found);
  EXPECT_NE(found->address, "10.0.0.3");
}

TEST(FindByApi, TellsWhichTargetsThereAreWhenNoneIsAvailable) {
  World world;
  world.zone_id = std::string("use1-azz");
  const auto other = world.find("us-east-1z");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(other.error().message().find("us-east-1c (use1-azc) creating"), std::string::npos)
      << other.error().message();
}

TEST(FindByApi, NamesEveryAddressThatDidNotAnswer) {
  World world;
  world.dead = {"10.0.0.1", "10.0.0.2"};
  const auto found = world.find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("10.0.0.2 is silent; 10.0.0.1 is silent"),
            std::string::npos);
}

TEST(OrderTargets, PrefersIpv4AndUsesIpv6Alone) {
  auto v6 = record("a", "");
  v6.address_v6 = "fd00::1";
  EXPECT_TRUE(v6.available());
  EXPECT_EQ(v6.bestAddress(), "fd00::1");
  v6.address = "10.0.0.1";
  EXPECT_EQ(v6.bestAddress(), "10.0.0.1");
  EXPECT_FALSE(record("a", "").available());
}

// DNS-5
TEST(FirstReachable, TriesInTheGivenOrder) {
  World world;
  world.dead = {"10.0.0.9"};
  EXPECT_EQ(*firstReachable({"10.0.0.9", "10.0.0.8", "10.0.0.7"}, world.edges().reach), "10.0.0.8");
  EXPECT_EQ(world.tried, (std::vector<std::string>{"10.0.0.9", "10.0.0.8"}));
}

// DNS-5
TEST(ReachTargets, NamesTheAddressThatRefuses) {
  const auto report = reachTargets({"127.77.77.77", "no address"},
                                   test_support::RealClock("a connection on the loopback"));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->winner);
  ASSERT_EQ(report->tried.size(), 2U);
  EXPECT_NE(report->tried[0].failure->message().find(
                "Cannot connect to file system mount target ip address 127.77.77.77"),
            std::string::npos);
  EXPECT_NE(report->tried[1].failure->message().find("no address is not an IP address"),
            std::string::npos);
}

// RFC 8305: a target with both families is reached by the one that works.
TEST(FindByApi, TriesBothFamiliesOfATargetBeforeAnotherZones) {
  World world;
  world.records[1].address_v6 = "fd00::2";
  world.dead = {"10.0.0.2"};
  EXPECT_EQ(world.find()->address, "fd00::2");
  EXPECT_EQ(world.tried, (std::vector<std::string>{"10.0.0.2", "fd00::2"}));
}

}  // namespace
}  // namespace efs::mount_helper
