// The layers of the configuration: efs-utils.conf, efsmount.conf, variables; and what is unknown in
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "efs/settings/settings.h"
#include "efs/test_support/temp_dir.h"

namespace efs::settings {
namespace {

class Layers : public ::testing::Test {
 protected:
  Settings load() {
    auto settings = Settings::load(dir_.at("efs-utils.conf"));
    EXPECT_TRUE(settings.has_value()) << settings.error().describe();
    return settings ? *std::move(settings) : Settings();
  }
  ConfigReport report() {
    auto report = ConfigReport::load(dir_.at("efs-utils.conf"));
    EXPECT_TRUE(report.has_value()) << report.error().describe();
    return report ? *std::move(report) : ConfigReport();
  }
  std::string origin(const std::string& key) {
    for (const auto& value : report().values) {
      if (value.key == key) return value.value + " from " + value.origin;
    }
    return "no such key";
  }
  void variable(const char* name, const char* value) {
    ::setenv(name, value, 1);
    set_.push_back(name);
  }
  void TearDown() override {
    for (const char* name : set_) ::unsetenv(name);
  }

  const test_support::TempDir dir_;
  std::vector<const char*> set_;
};

TEST_F(Layers, LaterOnesReplaceKeysOfEarlierOnes) {
  dir_.write("efs-utils.conf",
             "[mount]\nregion = eu-west-1\nfips_mode_enabled = false\nstunnel_cafile = /a\n");
  EXPECT_EQ(load().mount.region, "eu-west-1");
  dir_.write("efsmount.conf",
             "[mount]\nfips_mode_enabled = true\nstunnel_cafile = /b\n"
             "[mount-watchdog]\naz_failover = off\n");
  variable("EFSMOUNT_MOUNT_STUNNEL_CAFILE", "/c%");
  variable("EFSMOUNT_MOUNT_WATCHDOG_REMOUNT_AFTER_SEC", "7");
  const Settings settings = load();
  EXPECT_EQ(settings.mount.region, "eu-west-1");
  EXPECT_TRUE(settings.mount.fips_mode);
  EXPECT_FALSE(settings.watchdog.az_failover);
  EXPECT_EQ(settings.mount.ca_file, "/c%") << "a variable's value is taken as it is";
  EXPECT_EQ(settings.watchdog.remount_after, Duration(7000));
}

TEST_F(Layers, EachAloneIsEnough) {
  variable("EFSMOUNT_PROXY_PROXY_LOGGING_LEVEL", "DEBUG");
  variable("EFSMOUNT_DEFAULT_LOGGING_LEVEL", "ERROR");
  const Settings settings = load();
  ASSERT_TRUE(settings.proxy.has_value());
  EXPECT_EQ(settings.proxy->logging_level, "DEBUG");
  EXPECT_EQ(settings.log.level, log::Level::kError);
  EXPECT_TRUE(settings.unknown.empty());
}

TEST_F(Layers, AnEmptyVariableCountsAsAbsent) {
  dir_.write("efs-utils.conf", "[mount]\nregion = eu-west-1\n");
  variable("EFSMOUNT_MOUNT_REGION", "");
  EXPECT_EQ(load().mount.region, "eu-west-1");
}

TEST_F(Layers, TellWhereEachValueStands) {
  dir_.write("efs-utils.conf", "[DEFAULT]\nlogging_level = DEBUG\n[mount]\nregion = eu-west-1\n");
  dir_.write("efsmount.conf", "\n[mount]\nmount_api = classic\n");
  variable("EFSMOUNT_MOUNT_FIPS_MODE_ENABLED", "true");
  EXPECT_EQ(origin("logging_level"), "DEBUG from " + dir_.at("efs-utils.conf") + ":2");
  EXPECT_EQ(origin("region"), "eu-west-1 from " + dir_.at("efs-utils.conf") + ":4");
  EXPECT_EQ(origin("mount_api"), "classic from " + dir_.at("efsmount.conf") + ":3");
  EXPECT_EQ(origin("fips_mode_enabled"), "true from variable EFSMOUNT_MOUNT_FIPS_MODE_ENABLED");
  EXPECT_EQ(origin("retry_nfs_mount_command_count"), "3 from built-in");
  EXPECT_EQ(origin("state_file_dir_mode"), "750 from built-in");
}

TEST_F(Layers, ABadValueNamesTheFileInWhichItStands) {
  dir_.write("efs-utils.conf", "[mount]\nfips_mode_enabled = true\n");
  dir_.write("efsmount.conf",
             "[mount]\nfips_mode_enabled = perhaps\n[mount-watchdog]\npoll_interval_sec = x\n");
  const auto settings = Settings::load(dir_.at("efs-utils.conf"));
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(
      settings.error().message(),
      dir_.at("efsmount.conf") + ": [mount] fips_mode_enabled = \"perhaps\" is not true or false");
  const auto told = report();
  ASSERT_TRUE(told.failure.has_value());
  EXPECT_EQ(told.failure->message(), settings.error().message());
  EXPECT_EQ(origin("poll_interval_sec"), "1 from built-in") << "the default holds";
}

TEST_F(Layers, NameWhatNothingReadsAndWhatWasMeant) {
  dir_.write("efs-utils.conf",
             "[mount]\nregoin = eu-west-1\nfrobnicate = 1\npoll_interval_sec = 2\n"
             "[watchdog]\nenabled = true\n[mount.eu-west-1]\nregion = x\n[proxy]\nmetrics_enabled "
             "= true\n");
  variable("EFSMOUNT_MOUNT_REGOIN", "x");
  const std::string file = dir_.at("efs-utils.conf") + ":";
  const std::vector<std::string> expected{
      "variable EFSMOUNT_MOUNT_REGOIN is no key and does nothing; did you mean "
      "\"EFSMOUNT_MOUNT_REGION\"?",
      file + "3: [mount] frobnicate is unknown and does nothing",
      file +
          "4: [mount] poll_interval_sec is unknown and does nothing; it belongs to "
          "[mount-watchdog]",
      file + "2: [mount] regoin is unknown and does nothing; did you mean \"region\"?",
      file + "8: [mount.eu-west-1] region is unknown and does nothing; it belongs to [mount]",
      file + "6: section [watchdog] is unknown and does nothing",
  };
  EXPECT_EQ(load().unknown, expected);
  EXPECT_EQ(report().unknown, expected);
}

TEST_F(Layers, SuggestASectionThatIsNearlyRight) {
  dir_.write("efsmount.conf", "[Mount]\nregion = x\n[mount-wachdog]\nenabled = true\n");
  const auto unknown = load().unknown;
  ASSERT_EQ(unknown.size(), 2U);
  EXPECT_NE(unknown[0].find("did you mean \"mount\"?"), std::string::npos) << unknown[0];
  EXPECT_NE(unknown[1].find("did you mean \"mount-watchdog\"?"), std::string::npos) << unknown[1];
}

}  // namespace
}  // namespace efs::settings
