#include "efs/base/file_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "lock_holder.h"

namespace efs {
namespace {

constexpr Duration kPatience{10000};

TEST(FileLock, IsHeldByOneProcessAtATime) {
  const test_support::TempDir dir;
  const std::string path = dir.at("lock");
  Holder holder = holdElsewhere(path);
  const auto busy = FileLock::tryAcquire(path);
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().kind(), ErrorKind::kBusy);
  EXPECT_EQ(busy.error().hint(),
            "the holder wrote process id " + std::to_string(holder.process.pid()));
  holder.go.reset();
  ASSERT_EQ((*holder.process.wait(kPatience))->code, 0);
  EXPECT_TRUE(FileLock::tryAcquire(path).has_value());
}

// ST-6: the old product's lock file outlived its owner.
TEST(FileLock, IsFreeWhenItsHolderIsKilled) {
  const test_support::TempDir dir;
  const std::string path = dir.at("lock");
  Holder holder = holdElsewhere(path);
  holder.process.killAndReap();
  const test_support::RealClock clock("the lock of another holder");
  EXPECT_TRUE(FileLock::acquire(path, clock, kPatience).has_value());
  EXPECT_EQ(trim(test_support::contentOf(path)), std::to_string(::getpid()));
}

TEST(FileLock, IsGivenUpWithTheObject) {
  const test_support::TempDir dir;
  const std::string path = dir.at("lock");
  {
    const auto first = FileLock::tryAcquire(path);
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(FileLock::tryAcquire(path).error().kind(), ErrorKind::kBusy);
  }
  EXPECT_TRUE(FileLock::tryAcquire(path).has_value());
}

TEST(FileLock, WaitsNoLongerThanAsked) {
  const test_support::TempDir dir;
  const auto held = FileLock::tryAcquire(dir.at("lock"));
  const test_support::RealClock clock("the lock of another holder");
  const auto second = FileLock::acquire(dir.at("lock"), clock, Duration(20));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind(), ErrorKind::kBusy);
}

// A user's ^C while another mount makes the private key.
TEST(FileLock, StopsWaitingWhenAskedTo) {
  const test_support::TempDir dir;
  const auto held = FileLock::tryAcquire(dir.at("lock"));
  auto ready = makePipe();
  auto child = Subprocess::fork([&] {
    catchInterrupts();
    ready->write_end.reset();
    const test_support::RealClock clock("the lock of another holder");
    const auto waited = FileLock::acquire(dir.at("lock"), clock, kPatience);
    return !waited && waited.error().kind() == ErrorKind::kCancelled ? 0 : 1;
  });
  ready->write_end.reset();
  char byte = 0;
  ASSERT_EQ(::read(ready->read_end.get(), &byte, 1), 0);
  ASSERT_EQ(::kill(child->pid(), SIGTERM), 0);
  EXPECT_EQ((*child->wait(kPatience))->code, 0);
}

TEST(FileLock, ReportsAPathThatCannotBe) {
  EXPECT_EQ(FileLock::tryAcquire("/nowhere/lock").error().kind(), ErrorKind::kNotFound);
}

TEST(FileLock, TellsWhetherItIsHeldAndLeavesItAlone) {
  const test_support::TempDir dir;
  const std::string path = dir.at("lock");
  EXPECT_FALSE(*FileLock::isHeld(path));
  EXPECT_FALSE(fileExists(path)) << "asking makes no file";
  {
    const auto lock = FileLock::tryAcquire(path);
    ASSERT_TRUE(lock.has_value());
    EXPECT_TRUE(*FileLock::isHeld(path));
  }
  EXPECT_FALSE(*FileLock::isHeld(path));
  EXPECT_TRUE(FileLock::tryAcquire(path).has_value());
  ASSERT_EQ(::symlink(path.c_str(), dir.at("link").c_str()), 0);
  EXPECT_FALSE(FileLock::isHeld(dir.at("link")).has_value());
}

}  // namespace
}  // namespace efs
