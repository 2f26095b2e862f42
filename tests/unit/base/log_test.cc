#include "efs/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/log_file.h"
#include "efs/base/log_wire.h"
#include "efs/base/output.h"
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
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
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
  ASSERT_TRUE(makeDirectories(dir.at("run"), 0700));
  const auto writer = [&](const std::string& who) {
    return Subprocess::fork([&dir, who] {
      if (!log::open({.path = dir.at("l"),
                      .max_bytes = 2000,
                      .file_count = 200,
                      .state_dir = dir.at("run")})) {
        return 1;
      }
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
    if (name == "run") continue;
    for (const auto& line : split(contentOf(dir.at(name)), '\n')) {
      if (line.empty()) continue;
      ++lines;
      const auto at = line.rfind(" - ");
      ASSERT_NE(at, std::string::npos) << line;
      messages.insert(line.substr(at + 3));
    }
  }
  EXPECT_GT(dir.entries().size(), 3U) << "it did rotate";  // not while the other one does
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

// Nobody can hold us up with a lock: the one for rotation is tried, not waited for.
TEST(Log, DoesNotWaitForWhoeverHoldsALock) {
  const TempDir dir;
  const std::string log = dir.write("l", "a line of before\n");
  auto held = FileLock::tryAcquire(log);
  auto rotation = FileLock::tryAcquire(log::rotationLock(dir.path()));
  ASSERT_TRUE(held && rotation);
  const auto size = contentOf(log).size();
  inChild([&] {
    ASSERT_TRUE(log::open({.path = log, .max_bytes = 1, .state_dir = dir.path()}));
    log::info("grows meanwhile");
  });
  EXPECT_GT(contentOf(log).size(), size);
  EXPECT_FALSE(fileExists(log + ".1"));
  rotation = unexpected(Error(ErrorKind::kBusy, "let go"));
  inChild([&] {
    ASSERT_TRUE(log::open({.path = log, .max_bytes = 1, .state_dir = dir.path()}));
    log::info("rotated");
  });
  EXPECT_TRUE(fileExists(log + ".1"));
}

TEST(LogFile, RefusesWhatIsNoRegularFile) {
  const TempDir dir;
  const std::string victim = dir.write("victim", "precious\n");
  ASSERT_EQ(::symlink(victim.c_str(), dir.at("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(dir.at("fifo").c_str(), 0666), 0);
  ASSERT_EQ(::mkdir(dir.at("directory").c_str(), 0700), 0);
  for (const auto* name : {"link", "fifo", "directory"}) {
    log::LogFile file({.path = dir.at(name)}, "");
    const auto written = file.append("line\n");
    ASSERT_FALSE(written) << name;
    EXPECT_THAT(written.error().describe(), testing::HasSubstr(dir.at(name)));
    EXPECT_EQ(file.lost(), 1U);
  }
  log::LogFile device({.path = "/dev/null"}, "");
  EXPECT_FALSE(device.append("line\n"));
  EXPECT_EQ(contentOf(victim), "precious\n");
}

TEST(LogFile, GoesThroughNoPlaceOfAnotherUser) {
  const TempDir dir;
  ASSERT_TRUE(makeDirectories(dir.at("mine"), 0755));
  ASSERT_TRUE(makeDirectories(dir.at("theirs"), 0755));
  ASSERT_EQ(::symlink("mine", dir.at("good").c_str()), 0);
  ASSERT_EQ(::symlink(dir.at("mine").c_str(), dir.at("bad").c_str()), 0);
  if (::chown(dir.at("theirs").c_str(), 65534, 65534) != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::lchown(dir.at("bad").c_str(), 65534, 65534), 0);
  EXPECT_TRUE(log::LogFile({.path = dir.at("good/l")}, "").append("line\n"));
  EXPECT_FALSE(log::LogFile({.path = dir.at("bad/m")}, "").append("line\n"));
  EXPECT_FALSE(log::LogFile({.path = dir.at("theirs/l")}, "").append("line\n"));
  EXPECT_FALSE(fileExists(dir.at("mine/m")));
}

// /tmp and its like: what another user put there first is not ours to write to.
TEST(LogFile, WritesNoFileOfAnotherUserWhereEverybodyMayWrite) {
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  const std::string theirs = dir.write("theirs", "");
  if (::chown(theirs.c_str(), 65534, 65534) != 0) GTEST_SKIP() << "needs root";
  EXPECT_FALSE(log::LogFile({.path = theirs}, "").append("line\n"));
  const std::string linked = dir.write("linked", "");
  ASSERT_EQ(::link(linked.c_str(), dir.at("also").c_str()), 0);
  EXPECT_FALSE(log::LogFile({.path = linked}, "").append("line\n"));
  EXPECT_EQ(contentOf(linked), "");
}

TEST(LogFile, NarrowsWhatAnOlderReleaseLeftOpen) {
  const TempDir dir;
  const std::string path = dir.write("l", "old\n");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  ASSERT_TRUE(log::LogFile({.path = path}, "").append("new\n"));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(contentOf(path), "old\nnew\n");
}

TEST(LogFile, CountsWhatItLosesAndTellsIt) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.at("l").c_str(), 0600), 0);
  log::LogFile file({.path = dir.at("l")}, "");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(file.append("gone\n"));
  ASSERT_TRUE(removeFile(dir.at("l")));
  ASSERT_TRUE(file.append("here\n"));
  EXPECT_EQ(file.lost(), 0U);
  EXPECT_THAT(contentOf(dir.at("l")),
              MatchesRegex("[^\n]* - WARNING - 3 log lines were lost while the log could not be "
                           "written\nhere\n"));
}

TEST(LogWire, KeepsWhatItEncodes) {
  const log::LineMessage message{
      {.path = "/var/log/x", .form = log::Form::kTunnel, .max_bytes = 1ULL << 40U, .file_count = 7},
      "a line\n"};
  const auto copy = log::LineMessage::decode(message.encode());
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->place.path, "/var/log/x");
  EXPECT_EQ(copy->place.form, log::Form::kTunnel);
  EXPECT_EQ(copy->place.max_bytes, 1ULL << 40U);
  EXPECT_EQ(copy->place.file_count, 7);
  EXPECT_EQ(copy->line, "a line\n");
  const auto ack = log::LineAck::decode(log::LineAck{1ULL << 33U, "why"}.encode());
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->handled, 1ULL << 33U);
  EXPECT_EQ(ack->failure, "why");
}

TEST(LogWire, RefusesWhatIsNotOneLineOfOneFile) {
  const auto with = [](std::string path, std::string line) {
    return log::LineMessage{{.path = std::move(path)}, std::move(line)}.encode();
  };
  EXPECT_TRUE(log::LineMessage::decode(with("/l", "x\n")));
  EXPECT_FALSE(log::LineMessage::decode(with("l", "x\n")));
  EXPECT_FALSE(log::LineMessage::decode(with("", "x\n")));
  EXPECT_FALSE(log::LineMessage::decode(with(std::string("/a\0b", 4), "x\n")));
  EXPECT_FALSE(log::LineMessage::decode(with("/l", "x")));
  EXPECT_FALSE(log::LineMessage::decode(with("/l", "x\ny\n")));
  EXPECT_FALSE(log::LineMessage::decode(with("/l", "\n")));
  const std::string whole = with("/l", "x\n");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(log::LineMessage::decode(std::string_view(whole).substr(0, length))) << length;
  EXPECT_FALSE(log::LineAck::decode("A\1"));
  EXPECT_FALSE(log::LineAck::decode(whole));
}

// Standard error may be a pipe that nobody reads.
TEST(Say, GivesUpOnAFullPipe) {
  auto pipe = makePipe();
  ASSERT_TRUE(pipe);
  const std::string much(1U << 20U, 'x');
  say(pipe->write_end.get(), much, Duration(50));
  EXPECT_EQ(::fcntl(pipe->write_end.get(), F_GETFL) & O_NONBLOCK, 0) << "others share it";
  pipe->write_end.reset();
  const auto got = readAll(pipe->read_end.get(), "pipe", much.size());
  ASSERT_TRUE(got);
  EXPECT_GT(got->size(), 4096U);
  EXPECT_LT(got->size(), much.size());
}

}  // namespace
}  // namespace efs
