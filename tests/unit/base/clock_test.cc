#include "efs/base/clock.h"

#include <gtest/gtest.h>

#include "efs/test_support/fake_clock.h"

namespace efs {
namespace {

using test_support::FakeClock;

TEST(Clock, WritesUtc) {
  EXPECT_EQ(utcText(FakeClock().now(), "%Y%m%dT%H%M%SZ"), "20260102T030405Z");
}

TEST(Deadline, PassesWhenItsTimeIsUp) {
  FakeClock clock;
  const Deadline deadline(clock, Duration(100));
  EXPECT_FALSE(deadline.passed());
  EXPECT_EQ(deadline.left(), Duration(100));
  clock.advance(Duration(99));
  EXPECT_EQ(deadline.left(), Duration(1));
  clock.advance(Duration(1));
  EXPECT_TRUE(deadline.passed());
  clock.advance(Duration(1000));
  EXPECT_EQ(deadline.left(), Duration(0)) << "never negative";
}

TEST(Deadline, DoesNotCareAboutTheWallClock) {
  FakeClock clock;
  const Deadline deadline(clock, Duration(100));
  clock.jumpWall(std::chrono::hours(24));
  EXPECT_EQ(deadline.left(), Duration(100));
}

}  // namespace
}  // namespace efs
