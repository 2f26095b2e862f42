#include "efs/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

using test_support::contentOf;
using test_support::TempDir;
using testing::MatchesRegex;

// The log is a property of the process: each test runs in a child of its own.
void inChild(const std::function<void()>& body) {
  auto child = Subprocess::fork([&] {
    body();
    return testing::Test::HasFailure() ? 1 : 0;
  });
  ASSERT_TRUE(child.has_value());
  const auto status = child->wait(Duration(30000));
  ASSERT_TRUE(status.has_value() && status->has_value());
  EXPECT_EQ((*status)->code, 0);
}

// Section 19: local time YYYY-MM-DD HH:MM:SS TZ - LEVEL - message
TEST(Log, HasTheHelpersForm) {
  const TempDir dir;
  const std::string path = dir.at("new/dir/mount.log");
  inChild([&] {
    ASSERT_TRUE(log::open({.path = path}).has_value());
    log::warning("port {} is {}", 20049, "taken");
  });
  EXPECT_THAT(contentOf(path),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [A-Z0-9+-]+ - "
                           "WARNING - port 20049 is taken\n"));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U);
}

// Section 19: UTC ISO time with milliseconds and Z, pid, LEVEL, module, message
TEST(Log, HasTheTunnelsForm) {
  const TempDir dir;
  inChild([&] {
    ASSERT_TRUE(log::open({.path = dir.at("t.log"), .form = log::Form::kTunnel}).has_value());
    log::warning("hello");
    log::error("x");
  });
  EXPECT_THAT(contentOf(dir.at("t.log")),
              MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z [0-9]+ WARN efs_proxy hello\n"
                           "[^\n]* ERROR efs_proxy x\n"));
}

TEST(Log, WritesOnlyWhatItsLevelAllows) {
  const TempDir dir;
  inChild([&] {
    EXPECT_FALSE(log::enabled(log::Level::kCritical)) << "silent before open()";
    log::error("lost");
    ASSERT_TRUE(log::open({.path = dir.at("l"), .level = log::Level::kError}).has_value());
    log::info("no");
    log::error("yes");
    log::setLevel(log::Level::kDebug);
    log::debug("too");
  });
  const std::string text = contentOf(dir.at("l"));
  EXPECT_THAT(text, MatchesRegex("[^\n]* ERROR - yes\n[^\n]* DEBUG - too\n"));
}

TEST(Log, KeepsEveryEntryOnOneLine) {
  const TempDir dir;
  inChild([&] {
    ASSERT_TRUE(log::open({.path = dir.at("l")}).has_value());
    log::write(log::Level::kInfo, "a\nb\rc\x1B[2Jd");
  });
  EXPECT_THAT(contentOf(dir.at("l")), MatchesRegex("[^\n]* - INFO - a\\?b\\?c\\?\\[2Jd\n"));
}

TEST(Log, KnowsPythonsLevelNames) {
  EXPECT_EQ(log::parseLevel("Warning"), log::Level::kWarning);
  EXPECT_EQ(log::parseLevel("CRITICAL"), log::Level::kCritical);
  EXPECT_FALSE(log::parseLevel("loud").has_value());
  EXPECT_FALSE(log::parseLevel("").has_value());
}

TEST(Log, RefusesAPlaceWhereItCannotWrite) {
  const TempDir dir;
  const std::string file = dir.write("file", "");
  inChild([&] { EXPECT_FALSE(log::open({.path = file + "/sub/l"}).has_value()); });
}

TEST(Log, RotatesToNumberedFiles) {
  for (const auto& [form, first] :
       {std::pair(log::Form::kHelper, 1), std::pair(log::Form::kTunnel, 0)}) {
    const TempDir dir;
    inChild([&, log_form = form] {
      ASSERT_TRUE(
          log::open({.path = dir.at("l"), .form = log_form, .max_bytes = 1, .file_count = 2})
              .has_value());
      for (const char* line : {"one", "two", "three", "four"}) log::info("{}", line);
    });
    EXPECT_EQ(dir.entries(), (std::vector<std::string>{"l", "l." + std::to_string(first),
                                                       "l." + std::to_string(first + 1)}));
    EXPECT_THAT(contentOf(dir.at("l")), testing::EndsWith("four\n"));
    EXPECT_THAT(contentOf(dir.at("l." + std::to_string(first))), testing::EndsWith("three\n"));
    EXPECT_THAT(contentOf(dir.at("l." + std::to_string(first + 1))), testing::EndsWith("two\n"));
  }
}

TEST(Log, LosesNoLineWhenTwoProcessesRotate) {
  constexpr int kLines = 500;
  const TempDir dir;
  const auto writer = [&](const std::string& who) {
    return Subprocess::fork([&dir, who] {
      if (!log::open({.path = dir.at("l"), .max_bytes = 2000, .file_count = 200})) return 1;
      for (int i = 0; i < kLines; ++i) log::info("{} {}", who, i);
      return 0;
    });
  };
  auto a = writer("a");
  auto b = writer("b");
  ASSERT_TRUE(a.has_value() && b.has_value());
  for (auto* child : {&*a, &*b}) {
    const auto status = child->wait(Duration(60000));
    ASSERT_TRUE(status.has_value() && status->has_value());
    EXPECT_EQ((*status)->code, 0);
  }
  std::set<std::string> messages;
  std::size_t lines = 0;
  for (const auto& name : dir.entries()) {
    for (const auto& line : split(contentOf(dir.at(name)), '\n')) {
      if (line.empty()) continue;
      ++lines;
      const auto at = line.rfind(" - ");
      ASSERT_NE(at, std::string::npos) << line;
      messages.insert(line.substr(at + 3));
    }
  }
  EXPECT_GT(dir.entries().size(), 10U) << "it did rotate";
  EXPECT_EQ(lines, 2U * kLines);
  EXPECT_EQ(messages.size(), 2U * kLines);
}

TEST(Log, GoesOnAfterItsFileIsTakenAway) {
  const TempDir dir;
  inChild([&] {
    ASSERT_TRUE(log::open({.path = dir.at("l")}).has_value());
    log::info("before");
    ASSERT_TRUE(removeFile(dir.at("l")).has_value());
    log::info("after");
  });
  EXPECT_THAT(contentOf(dir.at("l")), MatchesRegex("[^\n]* - INFO - after\n"));
}

}  // namespace
}  // namespace efs
