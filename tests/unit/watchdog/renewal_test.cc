#include "renewal.h"

#include <gtest/gtest.h>

#include "efs/test_support/fake_clock.h"

namespace efs::watchdog {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime kNow = test_support::FakeClock().now();
constexpr Duration kHour = hours(1);

// CERT-7
TEST(RenewalTime, IsOneIntervalAfterTheCreation) {
  EXPECT_EQ(renewalTime(kNow, kNow + hours(3), std::nullopt, kHour, kNow), kNow + hours(1));
}

TEST(RenewalTime, IsBeforeTheCertificateEndsHoweverLongTheInterval) {
  EXPECT_EQ(renewalTime(kNow, kNow + hours(3), std::nullopt, hours(24), kNow),
            kNow + hours(3) - minutes(30));
}

TEST(RenewalTime, IsBeforeTheCredentialsEnd) {
  EXPECT_EQ(renewalTime(kNow, kNow + hours(3), kNow + minutes(20), kHour, kNow),
            kNow + minutes(15));
}

TEST(RenewalTime, NeverRepeatsWithoutAPause) {
  EXPECT_EQ(renewalTime(kNow, kNow + hours(3), kNow - hours(1), kHour, kNow), kNow + minutes(1));
}

TEST(RenewalTime, IsNowWhenTheAgeIsUnknownOrInTheFuture) {
  EXPECT_LT(renewalTime(std::nullopt, std::nullopt, std::nullopt, kHour, kNow), kNow);
  EXPECT_LT(renewalTime(kNow + hours(1), std::nullopt, std::nullopt, kHour, kNow), kNow);
}

TEST(RenewalOutcome, SurvivesThePipe) {
  RenewalOutcome outcome;
  outcome.creation_time = "260102030405Z";
  outcome.credentials_expire = kNow;
  const auto back = RenewalOutcome::decode(RenewalOutcome::encode(outcome));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->creation_time, outcome.creation_time);
  EXPECT_EQ(back->credentials_expire, kNow);
  const auto failed =
      RenewalOutcome::decode(RenewalOutcome::encode(Error(ErrorKind::kTimeout, "no\tanswer\n")));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "no?answer?");
}

TEST(RenewalOutcome, IsAnErrorWhenTheChildSaidNothingUseful) {
  for (const char* line : {"", "ok", "ok\t\t-", "ok\tnonsense\t-", "ok\t260102030405Z"}) {
    EXPECT_FALSE(RenewalOutcome::decode(line)) << line;
  }
}

}  // namespace
}  // namespace efs::watchdog
