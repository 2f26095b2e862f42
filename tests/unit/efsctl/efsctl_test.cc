#include "efs/efsctl/efsctl.h"

#include <gtest/gtest.h>

#include "efs/efsctl/status.h"

namespace efs::efsctl {
namespace {

TEST(NearestCommand, KnowsTypingErrors) {
  EXPECT_EQ(nearestCommand("statsu"), "status");
  EXPECT_EQ(nearestCommand("stat"), "status");
  EXPECT_EQ(nearestCommand("STATUS"), "status");
  EXPECT_EQ(nearestCommand("s"), "status");
  EXPECT_EQ(nearestCommand("sttus"), "status");
}

TEST(NearestCommand, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearestCommand("mount"), "");
  EXPECT_EQ(nearestCommand(""), "");
  EXPECT_EQ(nearestCommand(std::string(100000, 's')), "");
}

TEST(RunEfsctl, HelpAndVersionAreFineAndNothingOrNonsenseIsNot) {
  EXPECT_EQ(runEfsctl({"efsctl", "--help"}), kHealthy);
  EXPECT_EQ(runEfsctl({"efsctl", "--version"}), kHealthy);
  EXPECT_EQ(runEfsctl({"efsctl", "status", "--help"}), kHealthy);
  EXPECT_EQ(runEfsctl({"efsctl"}), kFailed);
  EXPECT_EQ(runEfsctl({"efsctl", "frobnicate"}), kFailed);
  EXPECT_EQ(runEfsctl({"efsctl", "status", "--frobnicate"}), kFailed);
}

TEST(StatusOptions, TakesOptionsAndOneName) {
  const auto options = parseStatusOptions({"--json", "fs-1", "--state-dir", "/x"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->only, "fs-1");
  EXPECT_EQ(options->state_dir, "/x");
  EXPECT_EQ(parseStatusOptions({})->state_dir, "/var/run/efs");
}

TEST(StatusOptions, KnowTheWideForm) {
  EXPECT_TRUE(parseStatusOptions({"-o", "wide", "-w"})->wide);
  EXPECT_TRUE(parseStatusOptions({"-w"})->watch);
  EXPECT_FALSE(parseStatusOptions({"-o"}));
  EXPECT_FALSE(parseStatusOptions({"-o", "narrow"}));
}

TEST(StatusOptions, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(parseStatusOptions({"--jsn"}).error().message(), "unknown option --jsn");
  EXPECT_EQ(parseStatusOptions({"--mountinfo"}).error().message(), "--mountinfo needs a value");
  EXPECT_FALSE(parseStatusOptions({"fs-1", "fs-2"}));
  EXPECT_FALSE(parseStatusOptions({""}));
}

}  // namespace
}  // namespace efs::efsctl
