// Logs of tunnels whose mounts are gone (section 19): one file a mount for ever filled hosts that
// mount and unmount all day.
#include "daemon/ended_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kNow = test_support::FakeClock().now();
const std::string kA = "fs-01.mnt.a.20049";
const std::string kB = "fs-01.mnt.b.20050";

settings::WatchdogSettings rules(int days, int files) {
  settings::WatchdogSettings settings;
  settings.tunnel_log_age = hours(24 * days);
  settings.tunnel_log_files = files;
  return settings;
}

TEST(EndedLogs, KnowsALogOfATunnelByItsName) {
  EXPECT_EQ(mountOfLog(kA + ".efs-proxy.log"), kA);
  EXPECT_EQ(mountOfLog(kA + ".efs-proxy.log.12"), kA);
  for (const char* other : {"mount.log", "mount-watchdog.log.1", "fs-01.efs-proxy.log",
                            "fs-01.mnt.a.20049.efs-proxy.log.gz", "fs-01.mnt.a.20049.stunnel.log",
                            "fs-01.mnt.a.20049.efs-proxy.log.", "x.mnt.a.20049.efs-proxy.log"}) {
    EXPECT_FALSE(mountOfLog(other)) << other;
  }
}

TEST(EndedLogs, TakesTheOldOnesAndOfTheOthersAllButTheNewest) {
  const std::vector<TunnelLog> logs{{"a1", kA, kNow - hours(1)},
                                    {"a2", kA, kNow - hours(3)},
                                    {"b1", kB, kNow - hours(2)},
                                    {"b2", kB, kNow - hours(25)}};
  EXPECT_THAT(endedLogs(logs, {}, rules(1, 10), kNow), ElementsAre("b2"));
  EXPECT_THAT(endedLogs(logs, {}, rules(10, 2), kNow), ElementsAre("a2", "b2"));
  EXPECT_THAT(endedLogs(logs, {}, rules(0, 10), kNow), ElementsAre("a1", "b1", "a2", "b2"));
  EXPECT_THAT(endedLogs(logs, {}, rules(10, 0), kNow), ElementsAre("a1", "b1", "a2", "b2"));
}

TEST(EndedLogs, NeverTakesThoseOfALivingMountHoweverOldAndMany) {
  const std::vector<TunnelLog> logs{{"a1", kA, kNow - hours(5000)}, {"b1", kB, kNow}};
  EXPECT_THAT(endedLogs(logs, {kA}, rules(0, 0), kNow), ElementsAre("b1"));
  EXPECT_THAT(endedLogs(logs, {kA, kB}, rules(0, 0), kNow), IsEmpty());
}

class EndedLogFiles : public ::testing::Test {
 protected:
  void write(const std::string& mount, const std::string& ending) {
    logs_.write(mount + ending, "x");
  }
  bool there(const std::string& file) const { return fileExists(logs_.at(file)); }
  test_support::TempDir logs_, state_;
};

TEST_F(EndedLogFiles, ALivingTunnelIsKnownByItsConfigurationOrToTheWatchdog) {
  state_.write("stunnel-config." + kA, "");
  const std::string c = "fs-02.mnt.c.20051";
  for (const auto& mount : {kA, kB, c}) write(mount, ".efs-proxy.log");
  write(kB, ".efs-proxy.log.3");
  logs_.write("mount.log", "x");
  clearEndedLogs(logs_.path(), state_.path(), {c}, rules(0, 0), kNow);
  EXPECT_TRUE(there(kA + ".efs-proxy.log"));
  EXPECT_TRUE(there(c + ".efs-proxy.log"));
  EXPECT_TRUE(there("mount.log"));
  EXPECT_FALSE(there(kB + ".efs-proxy.log"));
  EXPECT_FALSE(there(kB + ".efs-proxy.log.3"));
}

TEST_F(EndedLogFiles, WithoutTheStateDirectoryNothingIsKnownAndNothingGoes) {
  write(kB, ".efs-proxy.log");
  clearEndedLogs(logs_.path(), state_.at("nowhere"), {}, rules(0, 0), kNow);
  EXPECT_TRUE(there(kB + ".efs-proxy.log"));
}

TEST_F(EndedLogFiles, ALinkIsLeftAlone) {
  logs_.write("precious", "x");
  ASSERT_EQ(::symlink(logs_.at("precious").c_str(), logs_.at(kB + ".efs-proxy.log").c_str()), 0);
  clearEndedLogs(logs_.path(), state_.path(), {}, rules(0, 0), kNow);
  EXPECT_TRUE(there("precious"));
  EXPECT_TRUE(there(kB + ".efs-proxy.log"));
}

}  // namespace
}  // namespace efs::watchdog
