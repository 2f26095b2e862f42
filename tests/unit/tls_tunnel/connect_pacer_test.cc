#include "efs/tls_tunnel/connect_pacer.h"

#include <gtest/gtest.h>

#include <set>

namespace efs::tls_tunnel {
namespace {

class ConnectPacerTest : public testing::Test {
 protected:
  Limits limits_;
  MonoTime now_{std::chrono::hours(1)};
};

TEST_F(ConnectPacerTest, TheFirstAttemptIsAtOnceAndSoIsOneAfterSuccess) {
  ConnectPacer pacer(limits_, 1);
  EXPECT_EQ(pacer.delay(now_), Duration(0));
  pacer.failed(now_);
  EXPECT_GT(pacer.delay(now_), Duration(0));
  pacer.reset();
  EXPECT_EQ(pacer.delay(now_), Duration(0));
}

TEST_F(ConnectPacerTest, PausesDoubleUpToTheLimitAndStayThere) {
  ConnectPacer pacer(limits_, 1);
  for (int failure = 0; failure < 100; ++failure) {
    now_ += std::chrono::seconds(10);
    pacer.failed(now_);
    const Duration whole = failure < 7 ? Duration(50 << failure) : Duration(5000);
    const Duration most = std::min(whole, Duration(5000));
    EXPECT_LE(pacer.delay(now_), most) << failure;
    EXPECT_GE(pacer.delay(now_), most / 2) << failure;
  }
  EXPECT_EQ(pacer.failures(), 100U);
}

TEST_F(ConnectPacerTest, APauseThatHasPassedIsNoPause) {
  ConnectPacer pacer(limits_, 1);
  pacer.failed(now_);
  EXPECT_EQ(pacer.delay(now_ + Duration(50)), Duration(0)) << "the kernel came later than that";
}

TEST_F(ConnectPacerTest, ConnectionsThatFailTogetherAreOneFailure) {
  ConnectPacer pacer(limits_, 1);
  for (int connection = 0; connection < 16; ++connection) pacer.failed(now_);
  EXPECT_EQ(pacer.failures(), 1U);
  EXPECT_LE(pacer.delay(now_), Duration(50));
}

// 1,000 tunnels of one host lose their mount target in the same moment.
TEST_F(ConnectPacerTest, ManyTunnelsDoNotComeBackInStep) {
  std::set<Duration> delays;
  Duration first(10000);
  Duration last(0);
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    ConnectPacer pacer(limits_, seed);
    for (int failure = 8; failure > 0; --failure)
      pacer.failed(now_ - std::chrono::seconds(10) * (failure - 1));
    delays.insert(pacer.delay(now_));
    first = std::min(first, pacer.delay(now_));
    last = std::max(last, pacer.delay(now_));
  }
  EXPECT_GT(delays.size(), 500U);
  EXPECT_GT(last - first, Duration(2000));
}

}  // namespace
}  // namespace efs::tls_tunnel
