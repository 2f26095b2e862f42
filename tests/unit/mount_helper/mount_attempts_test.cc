#include "carry_out/mount_attempts.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <vector>

#include "efs/base/interrupt.h"
#include "efs/base/subprocess.h"

namespace efs::mount_helper {
namespace {

constexpr Duration kPatience{10000};

Status timedOut() { return Error(ErrorKind::kTimeout, "no answer"); }

TEST(MountAttempts, AreRepeatedWhileTheyMayHelp) {
  AttemptRules rules;
  rules.count = 3;
  std::vector<Duration> patience;
  const auto done = tryToMount(
      rules, "test",
      [&](Duration given) {
        patience.push_back(given);
        return timedOut();
      },
      [](const Error&) { return true; });
  EXPECT_EQ(done.error().kind(), ErrorKind::kTimeout);
  EXPECT_EQ(patience, (std::vector{rules.patience, rules.patience, rules.last}));
}

// A signal that another failure hides, in a child because it is remembered for good.
TEST(MountAttempts, EndWithASignalWhateverElseFailed) {
  auto child = Subprocess::fork([] {
    catchInterrupts();
    AttemptRules rules;
    rules.count = 3;
    int attempts = 0;
    const auto done = tryToMount(
        rules, "test",
        [&](Duration) {
          ++attempts;
          ::raise(SIGTERM);
          return timedOut();
        },
        [](const Error&) { return true; });
    return attempts == 1 && done.error().kind() == ErrorKind::kCancelled ? 0 : 1;
  });
  ASSERT_TRUE(child);
  EXPECT_EQ((*child->wait(kPatience))->code, 0);
}

}  // namespace
}  // namespace efs::mount_helper
