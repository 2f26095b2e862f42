#include "efs/efsctl/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "efs/efsctl/efsctl.h"

namespace efs::efsctl {
namespace {

using ::testing::HasSubstr;

const WatchdogStory* storyOf(const std::vector<WatchdogStory>& stories, std::string_view state) {
  for (const auto& story : stories) {
    if (story.state == state) return &story;
  }
  return nullptr;
}

const WatchdogStep* stepOf(const WatchdogStory* story, std::string_view what) {
  if (story == nullptr) return nullptr;
  for (const auto& step : story->steps) {
    if (step.what == what) return &step;
  }
  return nullptr;
}

constexpr const char* kSilent =
    "its mount target is silent, no locks are held, another zone has a target";

TEST(WatchdogStories, TellWhatDecideDoesAndWhen) {
  const auto stories = watchdogStories({}, true);
  const auto* restart = stepOf(storyOf(stories, "its tunnel dies"), "start tunnel");
  ASSERT_NE(restart, nullptr);
  EXPECT_EQ(restart->at, std::vector<Duration>{Duration(0)});
  EXPECT_EQ(restart->why, "its tunnel is dead");
  const auto* hang = storyOf(stories, kSilent);
  const auto* told = stepOf(hang, "report hang");
  const auto* moved = stepOf(hang, "move to another target");
  ASSERT_TRUE(told && moved);
  EXPECT_EQ(told->at.front(), Duration(10000));
  EXPECT_GE(moved->at.front(), Duration(30000));
  EXPECT_NE(stepOf(hang, "return to own target"), nullptr);
}

TEST(WatchdogStories, AMountWithLocksIsNeverMoved) {
  const auto stories = watchdogStories({}, true);
  const auto* story = storyOf(stories, "its mount target is silent, applications hold locks");
  ASSERT_NE(stepOf(story, "reconnect"), nullptr);
  EXPECT_EQ(stepOf(story, "move to another target"), nullptr);
}

TEST(WatchdogStories, FollowTheConfiguration) {
  settings::Settings settings;
  settings.watchdog.az_failover = false;
  settings.watchdog.hang_detection = Duration(30000);
  settings.watchdog.remount_stale = false;
  const auto stories = watchdogStories(settings, true);
  const auto* hang = storyOf(stories, kSilent);
  ASSERT_NE(stepOf(hang, "report hang"), nullptr);
  EXPECT_EQ(stepOf(hang, "report hang")->at.front(), Duration(30000));
  EXPECT_EQ(stepOf(hang, "move to another target"), nullptr);
  const auto* stale = storyOf(stories, "after a reconnect its root is a stale file handle");
  EXPECT_EQ(stepOf(stale, "remount"), nullptr);
  EXPECT_NE(stepOf(storyOf(watchdogStories({}, true), stale->state), "remount"), nullptr);
}

TEST(WatchdogStories, APlainMountHasNoCertificateToRenew) {
  for (const auto& story : watchdogStories({}, false)) {
    EXPECT_EQ(stepOf(&story, "renew certificate"), nullptr) << story.state;
  }
}

TEST(ExplainWords, ManyTimesAreCutAndSaySo) {
  Explanation explanation;
  explanation.watchdog = {{"it dies", {{{Duration(0), Duration(1000)}, true, "start", "dead"}}},
                          {"it sleeps", {}}};
  const std::string text = explainText(explanation);
  EXPECT_THAT(text, HasSubstr("0, 1 ... s"));
  EXPECT_THAT(text, HasSubstr("nothing is done"));
  explanation.watchdog.clear();
  EXPECT_THAT(explainText(explanation), HasSubstr("does not look after such a mount"));
}

TEST(ExplainOptions, TakeOptionsDeviceAndMountPointInAnyOrder) {
  const auto options = parseExplainOptions({"fs-1:/", "-o", "tls", "/mnt", "--json"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->device, "fs-1:/");
  EXPECT_EQ(options->mountpoint, "/mnt");
  EXPECT_EQ(options->options, "tls");
  EXPECT_TRUE(options->json);
}

TEST(ExplainOptions, RefuseWhatIsMissingOrUnknown) {
  EXPECT_FALSE(parseExplainOptions({"fs-1:/"}));
  EXPECT_FALSE(parseExplainOptions({"fs-1:/", "/mnt", "/more"}));
  EXPECT_EQ(parseExplainOptions({"-x"}).error().message(), "unknown option -x");
  EXPECT_EQ(parseExplainOptions({"-o"}).error().message(), "-o needs a value");
  EXPECT_EQ(runEfsctl({"efsctl", "explain"}), kFailed);
  EXPECT_EQ(runEfsctl({"efsctl", "explain", "--help"}), kHealthy);
}

}  // namespace
}  // namespace efs::efsctl
