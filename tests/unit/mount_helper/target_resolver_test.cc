#include "facts/target_resolver.h"

#include <gtest/gtest.h>

#include <map>

#include "efs/test_support/fake_clock.h"

namespace efs::mount_helper {
namespace {

settings::MountSettings shipped() {
  settings::MountSettings settings;
  settings.dns_name_format = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}";
  return settings;
}

// A resolver with fixed answers that keeps the order of the questions.
struct Answers {
  std::map<std::string, std::vector<std::string>> known;
  ErrorKind otherwise = ErrorKind::kNotFound;
  std::vector<std::string> asked;
  ResolveName function() {
    return [this](const std::string& name) -> Result<std::vector<std::string>> {
      asked.push_back(name);
      const auto it = known.find(name);
      if (it == known.end()) return Error(otherwise, "no such name");
      return it->second;
    };
  }
};

const test_support::FakeClock kClock;
constexpr const char* kRegional = "fs-1.efs.us-east-1.amazonaws.com";
constexpr const char* kZonal = "us-east-1a.fs-1.efs.us-east-1.amazonaws.com";

// DNS-1
TEST(FormatDnsName, FillsThePlaceholders) {
  EXPECT_EQ(*formatDnsName(shipped(), "fs-1", "us-east-1", std::nullopt), kRegional);
  EXPECT_EQ(*formatDnsName(shipped(), "fs-1", "us-east-1", "us-east-1a"), kZonal);
}

// DNS-1
TEST(FormatDnsName, RefusesAFormatItCannotFill) {
  auto settings = shipped();
  settings.dns_name_format = "efs.{region}";
  EXPECT_NE(formatDnsName(settings, "fs-1", "r", {}).error().message().find("{fs_id}"),
            std::string::npos);
  settings.dns_name_format = "{fs_id}.{nonsense}";
  EXPECT_NE(formatDnsName(settings, "fs-1", "r", {}).error().message().find("unknown placeholder"),
            std::string::npos);
}

TEST(FormatDnsName, NamesAMissingKey) {
  EXPECT_NE(formatDnsName({}, "fs-1", "r", {}).error().message().find("dns_name_format is missing"),
            std::string::npos);
}

TEST(FindMountTarget, AsksForOurOwnZoneFirst) {
  Answers answers;
  answers.known = {{kZonal, {"10.0.1.1"}}, {kRegional, {"10.0.2.1"}}};
  const auto target = findMountTarget({"fs-1", "us-east-1", {}, "us-east-1a"}, shipped(),
                                      answers.function(), kClock);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->dns_name, kZonal);
  EXPECT_EQ(target->first_address, "10.0.1.1");
}

TEST(FindMountTarget, TakesTheRegionalNameWhereOurZoneHasNoTarget) {
  Answers answers;
  answers.known = {{kRegional, {"10.0.2.1"}}};
  const auto target = findMountTarget({"fs-1", "us-east-1", {}, "us-east-1a"}, shipped(),
                                      answers.function(), kClock);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->dns_name, kRegional);
}

TEST(FindMountTarget, NeverLeavesTheZoneTheUserChose) {
  Answers answers;
  answers.known = {{kRegional, {"10.0.2.1"}}};
  const auto target = findMountTarget({"fs-1", "us-east-1", "us-east-1b", "us-east-1a"}, shipped(),
                                      answers.function(), kClock);
  ASSERT_FALSE(target);
  EXPECT_NE(target.error().hint().find("us-east-1b"), std::string::npos);
}

// DNS-3
TEST(FindMountTarget, CrossAccountPutsTheZoneIdBeforeTheNameAndTriesNothingElse) {
  Answers answers;
  answers.known = {{kRegional, {"10.0.2.1"}}};
  const TargetQuestion question{"fs-1", "us-east-1", {}, {}, "use1-az4"};
  ASSERT_FALSE(findMountTarget(question, shipped(), answers.function(), kClock));
  EXPECT_EQ(answers.asked, std::vector<std::string>{"use1-az4.fs-1.efs.us-east-1.amazonaws.com"});
}

// Section 21
TEST(FindMountTarget, S3FilesHasOneNameThatOfItsZoneId) {
  settings::MountSettings settings;
  settings.kind = FileSystemKind::kS3Files;
  settings.dns_name_format = shippedNameFormat(settings.kind);
  settings.dns_name_suffix = "on.aws";
  Answers answers;
  const TargetQuestion question{"fs-1", "us-east-1", {}, "us-east-1a", {}, "use1-az4"};
  const auto target = findMountTarget(question, settings, answers.function(), kClock);
  ASSERT_FALSE(target);
  EXPECT_EQ(answers.asked, std::vector<std::string>{"use1-az4.fs-1.s3files.us-east-1.on.aws"});
  EXPECT_NE(target.error().hint().find("in use1-az4"), std::string::npos) << target.error().hint();
  EXPECT_EQ(*formatDnsName(settings, "fs-1", "us-east-1", std::nullopt),
            "fs-1.s3files.us-east-1.on.aws");
}

// DNS-7
TEST(FindMountTarget, NamesEveryNameTried) {
  Answers answers;
  const auto target = findMountTarget({"fs-1", "us-east-1", {}, "us-east-1a"}, shipped(),
                                      answers.function(), kClock);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(target.error().message().find(std::string("Failed to resolve \"") + kZonal),
            std::string::npos);
  EXPECT_NE(target.error().message().find(std::string("Failed to resolve \"") + kRegional),
            std::string::npos);
  EXPECT_NE(target.error().hint().find("console/efs/mount-dns-name"), std::string::npos);
}

TEST(FindMountTarget, ASilentServerIsNotAskedAgainWithADot) {
  Answers answers;
  answers.otherwise = ErrorKind::kTimeout;
  const auto target =
      findMountTarget({"fs-1", "us-east-1", {}, {}}, shipped(), answers.function(), kClock);
  ASSERT_FALSE(target);
  EXPECT_EQ(answers.asked.size(), 1U);
  EXPECT_NE(target.error().hint().find("resolv.conf"), std::string::npos);
}

}  // namespace
}  // namespace efs::mount_helper
