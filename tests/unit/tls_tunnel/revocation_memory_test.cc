#include <gtest/gtest.h>

#include "efs/tls/revocation_check.h"

namespace efs::tls {
namespace {

using std::chrono::minutes;

const WallTime kNow = WallTime() + std::chrono::hours(500000);

TEST(RevocationMemory, AGoodCertificateCountsUntilItsEnd) {
  RevocationMemory memory;
  EXPECT_FALSE(memory.isGood("a", kNow));
  memory.remember("a", kNow, kNow + minutes(10));
  EXPECT_TRUE(memory.isGood("a", kNow));
  EXPECT_TRUE(memory.isGood("a", kNow + minutes(9)));
  EXPECT_FALSE(memory.isGood("a", kNow + minutes(10)));
  EXPECT_FALSE(memory.isGood("b", kNow));
}

TEST(RevocationMemory, AClockThatWasSetBackMakesNothingCountForLonger) {
  RevocationMemory memory;
  memory.remember("a", kNow, kNow + minutes(10));
  EXPECT_FALSE(memory.isGood("a", kNow - minutes(1)));
}

TEST(RevocationMemory, ACertificateWithoutAFingerprintIsNeverRemembered) {
  RevocationMemory memory;
  memory.remember("", kNow, kNow + minutes(10));
  EXPECT_FALSE(memory.isGood("", kNow));
}

TEST(RevocationMemory, DoesNotGrow) {
  RevocationMemory memory;
  for (int i = 0; i < 100; ++i) memory.remember(std::to_string(i), kNow, kNow + minutes(10));
  int kept = 0;
  for (int i = 0; i < 100; ++i) kept += memory.isGood(std::to_string(i), kNow) ? 1 : 0;
  EXPECT_LE(kept, 16);
  EXPECT_TRUE(memory.isGood("99", kNow));
}

}  // namespace
}  // namespace efs::tls
