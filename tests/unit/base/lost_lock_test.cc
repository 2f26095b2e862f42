#include "efs/base/lost_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/test_support/temp_dir.h"
#include "lock_holder.h"

namespace efs {
namespace {

TEST(FlockHolders, AreThoseThatHoldOneNotThoseThatWait) {
  const std::vector<pid_t> wanted{7, 708};
  EXPECT_EQ(flockHolders("1: POSIX  ADVISORY  WRITE 1 00:2f:1 0 EOF\n"
                         "2: FLOCK  ADVISORY  WRITE 708 00:2f:13548 0 EOF\n"
                         "2: -> FLOCK  ADVISORY  WRITE 709 00:2f:13548 0 EOF\n"
                         "3: FLOCK  ADVISORY  READ 7 fd:00:2 0 EOF\n"
                         "4: FLOCK  ADVISORY  WRITE 708 00:2f:3 0 EOF\n"
                         "5: OFDLCK ADVISORY  WRITE -1 00:2f:4 0 EOF\n"),
            wanted);
}

TEST(FlockHolders, OfOtherPidNamespacesAndOfBrokenLinesAreNone) {
  EXPECT_TRUE(flockHolders("1: FLOCK  ADVISORY  WRITE 0 00:2f:1 0 EOF\n"
                           "2: FLOCK  ADVISORY  WRITE -1 00:2f:1 0 EOF\n"
                           "3: FLOCK  ADVISORY  WRITE 99999999999 00:2f:1 0 EOF\n"
                           "4: FLOCK  ADVISORY  WRITE\n"
                           "FLOCK")
                  .empty());
}

TEST(HolderOfDeleted, IsFoundWhenTheFileIsGoneAndOnlyThen) {
  const test_support::TempDir dir;
  const std::string path = dir.at("lock");
  Holder holder = holdElsewhere(path);
  EXPECT_EQ(holderOfDeleted(path), std::nullopt);
  ASSERT_TRUE(removeFile(path));
  EXPECT_EQ(holderOfDeleted(path), holder.process.pid());
  EXPECT_EQ(holderOfDeleted(dir.at("other")), std::nullopt);
  // Who takes the name now has a lock, too, and is not the one that was asked for.
  const auto lock = FileLock::tryAcquire(path);
  ASSERT_TRUE(lock);
  EXPECT_TRUE(lock->isAt(path));
  EXPECT_EQ(holderOfDeleted(path), holder.process.pid());
  holder.process.killAndReap();
  EXPECT_EQ(holderOfDeleted(path), std::nullopt);
}

TEST(HolderOfDeleted, IsFoundThroughALinkToTheDirectoryThatWasMadeAnew) {
  const test_support::TempDir dir;
  std::filesystem::create_directory(dir.at("run"));
  std::filesystem::create_directory_symlink(dir.at("run"), dir.at("link"));
  const Holder holder = holdElsewhere(dir.at("run") + "/lock");
  std::filesystem::remove_all(dir.at("run"));
  std::filesystem::create_directory(dir.at("run"));
  EXPECT_EQ(holderOfDeleted(dir.at("link") + "/lock"), holder.process.pid());
}

TEST(HolderOfDeleted, IsNotThisProcessItself) {
  const test_support::TempDir dir;
  const auto lock = FileLock::tryAcquire(dir.at("lock"));
  ASSERT_TRUE(lock);
  ASSERT_TRUE(removeFile(dir.at("lock")));
  EXPECT_FALSE(lock->isAt(dir.at("lock")));
  EXPECT_EQ(holderOfDeleted(dir.at("lock")), std::nullopt);
}

}  // namespace
}  // namespace efs
