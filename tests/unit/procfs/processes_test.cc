#include "efs/procfs/processes.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/test_support/temp_dir.h"

namespace efs::procfs {
namespace {

TEST(Processes, AreWalkedUntilTheVisitorHasSeenEnough) {
  bool ourselves = false;
  int after = 0;
  ASSERT_TRUE(forEachProcess([&](pid_t pid) {
    if (ourselves) ++after;
    ourselves = ourselves || pid == ::getpid();
    return !ourselves;
  }));
  EXPECT_TRUE(ourselves);
  EXPECT_EQ(after, 0);
}

TEST(Processes, OfAnUnreadableProcAreNoEmptyList) {
  const auto walked = forEachProcess([](pid_t) { return true; }, "/no/such/proc");
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message(), "listing /no/such/proc: No such file or directory");
}

TEST(Processes, AreOnlyTheNumbers) {
  const test_support::TempDir proc;
  for (const char* name : {"7", "self", "7x", "12"}) {
    ASSERT_TRUE(makeDirectories(proc.at(name), 0700));
  }
  int sum = 0;
  ASSERT_TRUE(forEachProcess(
      [&sum](pid_t pid) {
        sum += pid;
        return true;
      },
      proc.path()));
  EXPECT_EQ(sum, 19);
}

TEST(Processes, HaveANameAndAStatus) {
  ::prctl(PR_SET_NAME, "a name of ours");
  EXPECT_EQ(processName(::getpid()).value_or(""), "a name of ours");
  EXPECT_EQ(statusField(::getpid(), "Name"), "a name of ours");
  EXPECT_EQ(statusField(::getpid(), "Pid"), std::to_string(::getpid()));
  EXPECT_FALSE(statusField(::getpid(), "Pi")) << "a whole name only";
  EXPECT_FALSE(statusField(::getpid(), "Nothing"));
}

}  // namespace
}  // namespace efs::procfs
