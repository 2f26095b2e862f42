#include "carry_out/mount_times.h"

#include <gtest/gtest.h>

#include "carry_out/mount_attempts.h"
#include "efs/mounts/client_identifier.h"
#include "efs/test_support/fake_clock.h"

namespace efs::mount_helper {
namespace {

using test_support::FakeClock;
constexpr Duration kSecond{1000};
constexpr Duration kMinute{60000};

settings::MountSettings usual() {
  settings::MountSettings settings;
  settings.retry_nfs_mount_timeout = 15 * kSecond;
  return settings;
}

TEST(MountTimes, LockIsWaitedForOnlyWhileThereIsTime) {
  FakeClock clock;
  const MountTimes times(usual(), Deadline(clock, 2 * kMinute), false);
  EXPECT_EQ(times.lock(), 2 * kMinute);
  clock.advance(kMinute);
  EXPECT_EQ(times.lock(), kMinute);
  clock.advance(10 * kMinute);
  EXPECT_EQ(times.lock(), times.usual());
}

TEST(MountTimes, BackgroundMountNeverHoldsUpABoot) {
  FakeClock clock;
  const MountTimes times(usual(), Deadline(clock, 10000 * kMinute), true);
  EXPECT_EQ(times.lock(), times.usual());
  EXPECT_EQ(times.lastTry(), times.usual());
}

// retry=1000 is the patience of this mount, not of all the others of the host.
TEST(MountTimes, NobodyKeepsTheLockLongerThanOthersWait) {
  FakeClock clock;
  const MountTimes times(usual(), Deadline(clock, 1000 * kMinute), false);
  EXPECT_EQ(times.lastTry(), 1000 * kMinute);
  EXPECT_EQ(times.lock(), mounts::kIdentifierPatience);
  EXPECT_LT(MountTimes::underLock(times.lastTry()), mounts::kIdentifierPatience);
  EXPECT_EQ(MountTimes::underLock(times.usual()), times.usual());
}

// Every step takes all its time, in the order of MountSession: pre-flight, lock, mount in each try,
// and then the tries to get apart from a mount that it was merged with.
TEST(MountTimes, AddUp) {
  FakeClock clock;
  const auto settings = usual();
  const Duration retry = 2 * kMinute;
  const MountTimes times(settings, Deadline(clock, retry), false);
  const MonoTime begin = clock.monotonic();
  const auto under_lock = [&](Duration patience) {
    clock.advance(times.lock());
    clock.advance(MountTimes::underLock(patience));
  };
  for (int attempt = 1; attempt <= 3; ++attempt) {
    clock.advance(times.usual());
    under_lock(attempt == 3 ? times.lastTry() : times.usual());
  }
  for (int attempt = 1; attempt <= 5; ++attempt) under_lock(times.usual());
  EXPECT_LT(clock.monotonic() - begin, retry + 6 * kMinute);
}

}  // namespace
}  // namespace efs::mount_helper
