#include "act/renewal.h"

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
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), std::nullopt}, kHour, 0, kNow), kNow + hours(1));
}

TEST(RenewalTime, IsBeforeTheCertificateEndsHoweverLongTheInterval) {
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), std::nullopt}, hours(24), 0, kNow),
            kNow + hours(3) - minutes(30));
}

TEST(RenewalTime, IsBeforeTheCredentialsEnd) {
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), kNow + minutes(20)}, kHour, 0, kNow),
            kNow + minutes(15));
}

TEST(RenewalTime, NeverRepeatsWithoutAPause) {
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), kNow - hours(1)}, kHour, 0, kNow),
            kNow + minutes(1));
}

// Where AWS refuses our time, the certificate is made by that of AWS.
TEST(RenewalTime, OfACertificateWhoseClockIsHoursBehindOursIsThatOfAnyOther) {
  for (const int behind : {3, 8, 26}) {
    const WallTime end = kNow + hours(3) - hours(behind);
    EXPECT_EQ(renewalTime({kNow, end, std::nullopt}, kHour, 0, kNow), kNow + hours(1)) << behind;
    EXPECT_EQ(renewalTime({kNow, end, std::nullopt}, hours(24), 0, kNow),
              kNow + hours(3) - minutes(30))
        << behind;
  }
}

TEST(RenewalTime, IsAtOnceWhenTheCertificateCannotBeRead) {
  EXPECT_EQ(renewalTime({kNow, kUnreadable, std::nullopt}, kHour, 0, kNow), kNow + minutes(1));
}

TEST(RenewalTime, IsNowWhenTheAgeIsUnknownOrInTheFuture) {
  EXPECT_LT(renewalTime({std::nullopt, std::nullopt, std::nullopt}, kHour, 0, kNow), kNow);
  EXPECT_LT(renewalTime({kNow + hours(1), std::nullopt, std::nullopt}, kHour, 0, kNow), kNow);
}

TEST(RenewalTime, IsSpreadOverATenthOfTheInterval) {
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), {}}, kHour, 0.5, kNow), kNow + minutes(57));
  EXPECT_EQ(renewalTime({kNow, kNow + hours(3), {}}, kHour, 1, kNow), kNow + minutes(54));
}

TEST(RenewalOutcome, SurvivesThePipe) {
  RenewalOutcome outcome;
  outcome.creation_time = "260102030405Z";
  outcome.credentials_expire = kNow;
  const auto back = RenewalOutcome::decode(outcome.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->creation_time, outcome.creation_time);
  EXPECT_EQ(back->credentials_expire, kNow);
  EXPECT_FALSE(back->principal.known());
  outcome.principal = {"123456789012", "role/web", "AKIA"};
  const auto whole = RenewalOutcome::decode(outcome.encode());
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->principal.describe(), outcome.principal.describe());
}

// What the daemon was started with is another mount's, or the administrator's for older mounts.
TEST(RenewalEnvironment, IsThatOfTheStateFileAlone) {
  const Variables daemon{{"AWS_PROFILE", "first"},
                         {"AWS_CA_BUNDLE", "/first.pem"},
                         {"https_proxy", "http://u:p@proxy:3128"},
                         {"http_proxy", "http://u:p@other:3128"}};
  EXPECT_EQ(renewalEnvironment(std::nullopt, daemon), daemon);
  state::CredentialsOrigin origin;
  EXPECT_EQ(renewalEnvironment(origin, daemon), Variables{});
  origin.environment = {{"AWS_PROFILE", "second"},
                        {"https_proxy", "http://proxy:3128"},
                        {"http_proxy", "http://proxy:3128"},
                        {"LD_PRELOAD", "/x.so"}};
  // The same proxy: its password is in no state file.
  EXPECT_EQ(renewalEnvironment(origin, daemon), (Variables{{"AWS_PROFILE", "second"},
                                                           {"https_proxy", "http://u:p@proxy:3128"},
                                                           {"http_proxy", "http://proxy:3128"}}));
}

TEST(RenewalOutcome, IsAnErrorWhenTheChildSaidNothingUseful) {
  for (const char* line : {"", "\t-", "nonsense\t-", "260102030405Z", "260102030405Z\t-\t-"}) {
    EXPECT_FALSE(RenewalOutcome::decode(line)) << line;
  }
}

}  // namespace
}  // namespace efs::watchdog
