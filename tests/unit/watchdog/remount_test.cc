// The last step of a remount with the running kernel's own tmpfs in place of NFS, in a mount
// namespace of the test's own; that needs root. The whole runs in the guest.
#include "repair/remount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "daemon/system_remount.h"
#include "efs/base/clock.h"
#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/mounts/target_directory.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

using mounts::DetachedMount;
using mounts::MountTable;

class PutInPlace : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "mounting needs root and mount namespaces";
    }
    ASSERT_EQ(::mkdir(point_.c_str(), 0755), 0);
    point_ = mounts::TargetDirectory::open(point_).value().path();
    ASSERT_TRUE(mountTmpfs("old", point_));
    const auto made = DetachedMount::make(newTmpfs());
    if (!made || !*made) GTEST_SKIP() << "no mounts by descriptor here";
    plan_.old = mounts::MountIdentity::of(*MountTable::readKernel()->atPath(point_));
    plan_.port = 1;
    plan_.target_lock = dir_.at("mount-points.lock");
  }
  void TearDown() override {
    while (::umount2(point_.c_str(), MNT_DETACH) == 0) {
    }
  }
  static bool mountTmpfs(const char* source, const std::string& where) {
    return ::mount(source, where.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  static mounts::MountDescription newTmpfs() {
    mounts::MountDescription description;
    description.type = "tmpfs";
    description.parameters = {{"source", "new"}, {"size", "64k"}};
    return description;
  }
  Result<std::string> put() {
    auto mount = DetachedMount::make(newTmpfs());
    const auto made = SystemRemount::wrap(std::move(**mount));
    return putInPlace(plan_, *made, {calls_, state::systemFiles(), clock_});
  }
  std::string there() const {
    const auto table = MountTable::readKernel();
    const auto* top = table->atPath(point_);
    return top == nullptr ? "nothing" : top->source;
  }
  std::size_t stacked() const {
    const auto table = MountTable::readKernel();
    std::size_t count = 0;
    for (const auto& entry : table->entries()) count += entry.target == point_ ? 1U : 0U;
    return count;
  }

  test_support::TempDir dir_;
  std::string point_ = dir_.at("point");
  RemountPlan plan_;
  SystemRemount calls_;
  test_support::RealClock clock_{"the kernel attaches and detaches"};
};

TEST_F(PutInPlace, TheNewMountIsThereAloneWhetherTheOldOneIsInUseOrNot) {
  for (const bool in_use : {false, true}) {
    const UniqueFd open(in_use ? ::open(point_.c_str(), O_RDONLY | O_CLOEXEC) : -1);
    const auto put_there = put();
    ASSERT_TRUE(put_there) << put_there.error().describe();
    EXPECT_EQ(there(), "new");
    EXPECT_EQ(stacked(), 1U);
    plan_.old = mounts::MountIdentity::of(*MountTable::readKernel()->atPath(point_));
  }
}

TEST_F(PutInPlace, WhatIsNotTheOldMountStays) {
  ASSERT_EQ(::umount2(point_.c_str(), MNT_DETACH), 0);
  EXPECT_FALSE(put());
  EXPECT_EQ(there(), "nothing");
  ASSERT_TRUE(mountTmpfs("administrator", point_));
  EXPECT_FALSE(put());
  EXPECT_EQ(there(), "administrator");
}

TEST_F(PutInPlace, WaitsForWhoeverMountsThereAtTheMoment) {
  const auto place = mounts::TargetDirectory::beneath(point_);
  ASSERT_TRUE(place) << place.error().describe();
  {
    const auto held = mounts::TargetLock::tryAcquire(plan_.target_lock, *place);
    ASSERT_TRUE(held);
    const auto refused = put();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::kBusy);
    EXPECT_EQ(there(), "old");
  }
  EXPECT_TRUE(put());
  EXPECT_EQ(there(), "new");
}

// umount2(2) of the old one may fail when the new one lies beneath it already.
class Uncover : public PutInPlace {
 protected:
  void SetUp() override {
    PutInPlace::SetUp();
    if (IsSkipped()) return;
    const auto made = DetachedMount::make(newTmpfs());
    const auto place = mounts::TargetDirectory::open(point_);
    if (!(*made)->attachBeneath(place->fd())) GTEST_SKIP() << "a kernel before 6.5";
    plan_.lies_beneath = true;
  }

  // With the new mount, of `port`, as one of NFS.
  class NfsTable final : public SystemRemount {
   public:
    Result<MountTable> mountTable() override {
      EFS_TRY(table, MountTable::readKernel());
      auto entries = table.entries();
      for (auto& entry : entries) {
        if (entry.source != "new") continue;
        entry.fs_type = "nfs4";
        entry.source = "127.0.0.1:/";
        entry.options = "rw,port=" + std::to_string(port);
      }
      return MountTable::of(std::move(entries));
    }
    int port = 1;
  };
  Result<std::string> uncover() {
    return remountInChild(plan_, {nfs_, state::systemFiles(), clock_});
  }
  NfsTable nfs_;
};

TEST_F(Uncover, DetachesTheOldMountAndMakesNoOther) {
  const auto done = uncover();
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(*done, kNeverBare);
  EXPECT_EQ(there(), "new");
  EXPECT_EQ(stacked(), 1U);
}

TEST_F(Uncover, WhatIsNotTheNewMountIsNotUncovered) {
  nfs_.port = 2;
  const auto done = uncover();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("is gone"), std::string::npos) << done.error().message();
  EXPECT_EQ(there(), "old");
  EXPECT_EQ(stacked(), 2U);
}

// The state directory is /var/run/efs, and the mount table says /run/efs.
TEST(StagingFolder, IsWhatTheMountTableShows) {
  const test_support::TempDir dir;
  ASSERT_EQ(::mkdir(dir.at("run").c_str(), 0755), 0);
  ASSERT_EQ(::symlink(dir.at("run").c_str(), dir.at("var-run").c_str()), 0);
  EXPECT_EQ(stagingFolder(state::systemFiles(), dir.at("var-run")),
            stagingFolder(state::systemFiles(), dir.at("run")));
  EXPECT_EQ(stagingFolder(state::systemFiles(), "/no/such"), "/no/such/remount");
}

}  // namespace
}  // namespace efs::watchdog
