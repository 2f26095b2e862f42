// Real mounts (tmpfs) in a mount namespace of the test's own.
#include "efs/mounts/mount_identity.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

class MountIdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "no mount namespaces here";
    }
    ASSERT_EQ(::mkdir(point_.c_str(), 0755), 0);
    mountAt(point_, "old");
    const auto table = MountTable::readKernel();
    ASSERT_TRUE(table);
    old_ = MountIdentity::of(*table->atPath(point_));
  }
  void TearDown() override {
    while (::umount2(point_.c_str(), MNT_DETACH) == 0) {
    }
  }
  static void mountAt(const std::string& path, const char* source) {
    ASSERT_EQ(::mount(source, path.c_str(), "tmpfs", 0, "size=64k"), 0) << path;
  }
  void detach() const { ASSERT_EQ(::umount2(point_.c_str(), MNT_DETACH), 0); }
  std::string obstacle() const {
    const auto table = MountTable::readKernel();
    return table ? whyNotDetach(*table, old_).value_or("") : "no table";
  }
  void expectObstacle(const std::string& words) const {
    EXPECT_NE(obstacle().find(words), std::string::npos) << obstacle();
  }

  test_support::TempDir dir_;
  const std::string point_ = dir_.path() + "/point";
  MountIdentity old_;
};

TEST_F(MountIdentityTest, MayBeDetachedWhileItIsWhatItWas) {
  EXPECT_EQ(obstacle(), "");
  EXPECT_TRUE(old_.stillAttached());
}

TEST_F(MountIdentityTest, IsNotWhatAnAdministratorMountedInItsPlace) {
  detach();
  mountAt(point_, "administrator");
  expectObstacle("another mount (tmpfs of administrator) is at " + point_);
}

TEST_F(MountIdentityTest, MayBeGone) {
  detach();
  expectObstacle("nothing is mounted at " + point_);
}

TEST_F(MountIdentityTest, TakesNothingWithItThatIsMountedWithin) {
  const std::string inner = point_ + "/inner";
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  mountAt(inner, "inner");
  expectObstacle(inner + " (tmpfs) is mounted within it");
}

TEST_F(MountIdentityTest, TakesNothingWithItThatCoversIt) {
  mountAt(point_, "cover");
  expectObstacle("another mount (tmpfs) covers it");
}

// umount2(2) walks the path: it would take what is at this path within the cover.
TEST_F(MountIdentityTest, IsNotReachedBelowAMountOverAFolderAbove) {
  const std::string aside = dir_.path() + "/aside";
  const std::string folder = dir_.path() + "/folder";
  for (const auto& path : {aside, folder, folder + "/point"}) {
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  }
  mountAt(aside, "cover");
  ASSERT_EQ(::mkdir((aside + "/point").c_str(), 0755), 0);
  mountAt(aside + "/point", "foreign");
  mountAt(folder + "/point", "ours");
  const MountIdentity ours =
      MountIdentity::of(*MountTable::readKernel()->atPath(folder + "/point"));
  ASSERT_EQ(::mount(aside.c_str(), folder.c_str(), nullptr, MS_MOVE, nullptr), 0);
  const auto reason = whyNotDetach(*MountTable::readKernel(), ours);
  ASSERT_EQ(::umount2((folder + "/point").c_str(), MNT_DETACH), 0);
  const auto after = MountTable::readKernel();
  ASSERT_EQ(::umount2(folder.c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2((folder + "/point").c_str(), MNT_DETACH), 0);
  ASSERT_FALSE(std::none_of(after->entries().begin(), after->entries().end(),
                            [&](const auto& entry) { return ours.is(entry); }))
      << "the path leads to it";
  ASSERT_TRUE(reason) << "it would have taken the foreign mount";
  EXPECT_NE(reason->find("another mount (tmpfs of foreign)"), std::string::npos) << *reason;
}

// The kernel gives the number of a mount that is gone to the next one: the one who holds an old
// number must not take the next for his.
TEST_F(MountIdentityTest, IsNotTheNextMountWithTheSameNumber) {
  const MountIdentity first = old_;
  detach();
  mountAt(point_, "old");
  const auto table = MountTable::readKernel();
  ASSERT_TRUE(table);
  const auto* entry = table->atPath(point_);
  ASSERT_NE(entry, nullptr);
  MountIdentity claimed = first;
  claimed.id = entry->id;
  claimed.device = entry->device;
  ASSERT_TRUE(claimed.is(*entry));
  if (!first.unique) GTEST_SKIP() << "a kernel before 6.8 gives no number once and for all";
  EXPECT_FALSE(claimed.stillAttached());
  EXPECT_TRUE(whyNotDetach(*table, claimed));
}

TEST_F(MountIdentityTest, DependsOnDeviceAndTunnel) {
  const auto table = MountTable::readKernel();
  ASSERT_TRUE(table);
  MountIdentity other = old_;
  ++other.device;
  EXPECT_TRUE(whyNotDetach(*table, other));
  other = old_;
  other.port = 20049;
  EXPECT_TRUE(whyNotDetach(*table, other));
}

}  // namespace
}  // namespace efs::mounts
