// Deletion never leaves the tree it was given (issue 9, A1). Real mounts, in a mount namespace of
// the test's own child.
#include "efs/base/remove_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "efs/base/files.h"
#include "efs/base/mounted_at.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

using test_support::TempDir;

// The table is the process's: no other test sees these mounts, and none outlives the test.
class RemoveTree : public testing::TestWithParam<TreeWalk> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "may not make a mount namespace";
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(makeDirectories(dir_.at("precious/sub"), 0755));
    ASSERT_TRUE(writeFileAtomic(file(), "keep"));
    ASSERT_TRUE(makeDirectories(dir_.at("t/mount"), 0755));
    ASSERT_TRUE(writeFileAtomic(dir_.at("t/beside"), "x"));
  }
  void TearDown() override {
    for (const auto& target : mounted_) EXPECT_EQ(::umount2(target.c_str(), MNT_DETACH), 0);
  }
  std::string file() const { return dir_.at("precious/sub/file"); }
  void bind(const std::string& source, const std::string& target) {
    ASSERT_EQ(::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr), 0);
    mounted_.insert(mounted_.begin(), target);
  }
  void unbind() {
    ASSERT_EQ(::umount2(mounted_.front().c_str(), MNT_DETACH), 0);
    mounted_.erase(mounted_.begin());
  }
  Status remove() const { return removeTree(dir_.at("t"), GetParam()); }
  // Both the mounted files and the refusal.
  void expectRefused(const std::string& where) {
    const auto removed = remove();
    ASSERT_FALSE(removed.has_value());
    EXPECT_EQ(removed.error().kind(), ErrorKind::kBusy);
    EXPECT_NE(removed.error().describe().find(where), std::string::npos)
        << removed.error().describe();
    EXPECT_EQ(test_support::contentOf(file()), "keep");
  }

  TempDir dir_;
  std::vector<std::string> mounted_;
};

TEST_P(RemoveTree, LeavesABindMountOfTheSameFileSystemAlone) {
  bind(dir_.at("precious"), dir_.at("t/mount"));
  expectRefused("is mounted there (it was left alone; unmount it: umount " + dir_.at("t/mount"));
  EXPECT_FALSE(fileExists(dir_.at("t/beside"))) << "the rest goes";
  unbind();
  ASSERT_TRUE(remove());
  EXPECT_FALSE(fileExists(dir_.at("t")));
}

TEST_P(RemoveTree, LeavesAMountAtTheTreeItselfAlone) {
  bind(dir_.at("precious"), dir_.at("t"));
  expectRefused(dir_.at("t"));
}

TEST_P(RemoveTree, LeavesAMountBelowAnUnknownDirectoryAlone) {
  ASSERT_TRUE(makeDirectories(dir_.at("t/a/b c/d"), 0755));
  bind(dir_.at("precious"), dir_.at("t/a/b c/d"));
  expectRefused(dir_.at("t/a/b c/d"));
}

TEST_P(RemoveTree, NamesWhatIsMounted) {
  ASSERT_EQ(::mount("the source", dir_.at("t/mount").c_str(), "tmpfs", 0, nullptr), 0);
  mounted_.push_back(dir_.at("t/mount"));
  ASSERT_TRUE(writeFileAtomic(dir_.at("t/mount/f"), "keep"));
  const auto removed = remove();
  ASSERT_FALSE(removed.has_value());
  EXPECT_NE(removed.error().message().find("tmpfs of the\\040source is mounted there"),
            std::string::npos)
      << removed.error().describe();
  EXPECT_EQ(test_support::contentOf(dir_.at("t/mount/f")), "keep");
}

TEST_P(RemoveTree, LeavesAMountedFileAlone) {
  ASSERT_TRUE(writeFileAtomic(dir_.at("t/place"), ""));
  bind(file(), dir_.at("t/place"));
  expectRefused(dir_.at("t/place"));
}

TEST_P(RemoveTree, FollowsNoLink) {
  ASSERT_EQ(::symlink(dir_.at("precious").c_str(), dir_.at("t/link").c_str()), 0);
  ASSERT_TRUE(remove());
  EXPECT_EQ(test_support::contentOf(file()), "keep");
}

TEST_P(RemoveTree, WorksOnAnOverlayWhoseFilesHaveAnotherDevice) {
  for (const char* part : {"lower/t/a", "upper", "work", "merged"}) {
    ASSERT_TRUE(makeDirectories(dir_.at("o/" + std::string(part)), 0755));
  }
  ASSERT_EQ(::mount("tmpfs", dir_.at("o/upper").c_str(), "tmpfs", 0, nullptr), 0);
  mounted_.push_back(dir_.at("o/upper"));
  ASSERT_TRUE(makeDirectories(dir_.at("o/upper/u"), 0755));
  ASSERT_TRUE(makeDirectories(dir_.at("o/upper/w"), 0755));
  ASSERT_TRUE(writeFileAtomic(dir_.at("o/lower/t/a/f"), "x"));
  const std::string options = "lowerdir=" + dir_.at("o/lower") +
                              ",upperdir=" + dir_.at("o/upper/u") +
                              ",workdir=" + dir_.at("o/upper/w");
  if (::mount("overlay", dir_.at("o/merged").c_str(), "overlay", 0, options.c_str()) != 0) {
    GTEST_SKIP() << "no overlay here";
  }
  mounted_.insert(mounted_.begin(), dir_.at("o/merged"));
  ASSERT_TRUE(removeTree(dir_.at("o/merged/t"), GetParam()));
  EXPECT_FALSE(fileExists(dir_.at("o/merged/t")));
}

// A directory that is exchanged for a link to, or covered by, something precious while the removal
// runs: whichever moment it hits, nothing precious goes.
TEST_P(RemoveTree, IsNotLedAstrayByAnExchangeWhileItRuns) {
  ASSERT_EQ(::symlink(dir_.at("precious").c_str(), dir_.at("link").c_str()), 0);
  std::atomic<bool> stop{false};
  std::thread exchanger([&] {
    while (!stop) {
      (void)::renameat2(AT_FDCWD, dir_.at("link").c_str(), AT_FDCWD, dir_.at("t/mount").c_str(),
                        RENAME_EXCHANGE);
      if (::mount(dir_.at("precious").c_str(), dir_.at("t/mount").c_str(), nullptr, MS_BIND,
                  nullptr) == 0) {
        (void)::umount2(dir_.at("t/mount").c_str(), MNT_DETACH);
      }
    }
  });
  for (int round = 0; round < 100; ++round) {
    (void)remove();
    (void)makeDirectories(dir_.at("t/mount/inner"), 0755);
    ASSERT_EQ(test_support::contentOf(file()), "keep") << "round " << round;
  }
  stop = true;
  exchanger.join();
  // Through the link it was the precious directory that was covered.
  while (::umount2(dir_.at("precious").c_str(), MNT_DETACH) == 0) continue;
}

INSTANTIATE_TEST_SUITE_P(Walks, RemoveTree, testing::Values(TreeWalk::kAuto, TreeWalk::kClassic),
                         [](const auto& walk) {
                           return walk.param == TreeWalk::kAuto ? "openat2" : "classic";
                         });

TEST(MountedAt, FindsTheTopmostByTheExactPath) {
  const std::string table =
      "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:5 / /run/a\\040b rw shared:2 master:1 - tmpfs first rw\n"
      "31 30 0:6 / /run/a\\040b rw - nfs4 127.0.0.1:/ rw,port=20049\n"
      "broken line\n32 22 0:7 / /run/cut rw -\n";
  EXPECT_EQ(mountedAt(table, "/run/a b")->type, "nfs4");
  EXPECT_EQ(mountedAt(table, "/run/a b")->source, "127.0.0.1:/");
  EXPECT_FALSE(mountedAt(table, "/run/a"));
  EXPECT_FALSE(mountedAt(table, "/run/cut"));
  EXPECT_FALSE(mountedAt("", "/"));
}

}  // namespace
}  // namespace efs
