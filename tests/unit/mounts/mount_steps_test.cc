// What a maker that was killed left is judged by a second one: real mounts (tmpfs) in a mount
// namespace of the test's own.
#include "mount_steps.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "efs/mounts/mount_table.h"
#include "efs/mounts/target_directory.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

struct JudgeLeft : ::testing::Test {
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "no mount namespaces here";
    }
    ASSERT_EQ(::mkdir(dir.at("point").c_str(), 0755), 0);
    const auto place = TargetDirectory::open(dir.at("point"));
    ASSERT_TRUE(place);
    point = place->path();
    directory = place->mountId();
  }
  void TearDown() override {
    while (::umount2(point.c_str(), MNT_DETACH) == 0) {
    }
  }
  void mount(const char* source) const {
    ASSERT_EQ(::mount(source, point.c_str(), "tmpfs", 0, "size=64k"), 0);
  }
  MountEntry top() const {
    const auto table = MountTable::readKernel().value();
    const MountEntry* entry = table.atPath(point);
    return entry == nullptr ? MountEntry() : *entry;
  }
  StepReport judge(const VisibleMount& left) const {
    StepReport last;
    judgeLeft(left, directory, {"127.0.0.1:/", point, {}, "127.0.0.1", ""}, {},
              [&last](const StepReport& report) { last = report; });
    return last;
  }

  test_support::TempDir dir;
  std::string point;
  int directory = 0;
};

TEST_F(JudgeLeft, OneOnItsDirectoryStays) {
  mount("left");
  const auto last = judge({top(), std::nullopt, false});
  EXPECT_EQ(last.step, Step::kDone);
  EXPECT_EQ(last.outcome.how, MountOutcome::How::kMounted);
  EXPECT_EQ(top().source, "left");
}

TEST_F(JudgeLeft, OneThatHidesAnotherIsTakenAwayExactly) {
  mount("another maker's");
  mount("left");
  const auto last = judge({top(), std::nullopt, false});
  EXPECT_EQ(last.step, Step::kAttach);
  EXPECT_EQ(last.err, EBUSY);
  EXPECT_EQ(top().source, "another maker's");
}

TEST_F(JudgeLeft, OneThatWasMergedIsTakenAway) {
  mount("left");
  const auto last = judge({top(), 20050, true});
  EXPECT_EQ(last.step, Step::kDone);
  EXPECT_EQ(last.outcome.how, MountOutcome::How::kMerged);
  EXPECT_EQ(last.outcome.merged_with, 20050);
  EXPECT_EQ(top().source, "");
}

}  // namespace
}  // namespace efs::mounts
