// RFC 8305 section 5: a dead address costs one head start.
#include "efs/net/connect_race.h"

#include <gtest/gtest.h>

#include "efs/net/socket.h"
#include "efs/test_support/real_clock.h"

namespace efs::net {
namespace {

const test_support::RealClock kClock("connections on the loopback");

Endpoint loopback(int port) {
  return *Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
}

// A port whose queue is full: the kernel drops further SYN packets.
class DeafPort {
 public:
  DeafPort() {
    for (int i = 0; i < 8; ++i) {
      auto connection = connectTcp(endpoint(), Duration(100));
      if (!connection) return;
      queued_.push_back(std::move(*connection));
    }
    ADD_FAILURE() << "the port still answers";
  }
  Endpoint endpoint() const { return loopback(listener_.port); }

 private:
  ListeningSocket listener_ = std::move(*listenLoopback(0, 0));
  std::vector<UniqueFd> queued_;
};

int closedPort() { return listenLoopback(0)->port; }

TEST(RaceConnect, ADeadAddressCostsOneHeadStart) {
  const DeafPort deaf;
  const auto alive = listenLoopback(0);
  const MonoTime begin = kClock.monotonic();
  const RaceTimes patient{.head_start = Duration(250), .patience = Duration(60000)};
  const auto race = raceConnect({deaf.endpoint(), loopback(alive->port)}, kClock, patient);
  const auto took = kClock.monotonic() - begin;
  ASSERT_TRUE(race);
  EXPECT_EQ(race->winner, 1U);
  EXPECT_TRUE(race->fd.valid());
  EXPECT_GE(took, Duration(249));
  EXPECT_LT(took, patient.patience / 2);  // whose end it did not wait for
  EXPECT_FALSE(race->attempts[0].failure);
  EXPECT_GE(race->attempts[0].took, Duration(249));
}

TEST(RaceConnect, ARefusalCostsNoHeadStart) {
  const auto alive = listenLoopback(0);
  const RaceTimes patient{.head_start = Duration(60000), .patience = Duration(60000)};
  const auto race = raceConnect({loopback(closedPort()), loopback(alive->port)}, kClock, patient);
  ASSERT_TRUE(race);
  EXPECT_EQ(race->winner, 1U);
  EXPECT_EQ(race->attempts[0].failure->kind(), ErrorKind::kRefused);
}

TEST(RaceConnect, AnAddressWithoutARouteCostsNoHeadStart) {
  const auto alive = listenLoopback(0);
  const RaceTimes patient{.head_start = Duration(60000), .patience = Duration(60000)};
  const Endpoint nowhere = *Endpoint::fromLiteral("ff02::1", 9);  // multicast: no TCP
  const auto race = raceConnect({nowhere, loopback(alive->port)}, kClock, patient);
  ASSERT_TRUE(race);
  EXPECT_EQ(race->winner, 1U);
  EXPECT_TRUE(race->attempts[0].failure);
}

TEST(RaceConnect, TheFirstThatAnswersWinsAndTheRestIsNotTried) {
  const auto first = listenLoopback(0);
  const auto second = listenLoopback(0);
  const auto race = raceConnect({loopback(first->port), loopback(second->port)}, kClock);
  ASSERT_TRUE(race);
  EXPECT_EQ(race->winner, 0U);
  EXPECT_FALSE(race->attempts[1].begun);
}

TEST(RaceConnect, TellsWhyOfEveryAddressWhenNoneAnswers) {
  const DeafPort deaf;
  const RaceTimes short_times{.head_start = Duration(10), .patience = Duration(60)};
  const auto race = raceConnect({deaf.endpoint(), loopback(closedPort())}, kClock, short_times);
  ASSERT_TRUE(race);
  EXPECT_FALSE(race->winner);
  EXPECT_FALSE(race->fd.valid());
  EXPECT_EQ(race->attempts[0].failure->kind(), ErrorKind::kTimeout);
  EXPECT_NE(race->attempts[0].failure->message().find(deaf.endpoint().text()), std::string::npos);
  EXPECT_EQ(race->attempts[1].failure->kind(), ErrorKind::kRefused);
}

TEST(RaceConnect, NoAddressIsNoWinner) {
  const auto race = raceConnect({}, kClock);
  ASSERT_TRUE(race);
  EXPECT_FALSE(race->winner);
}

}  // namespace
}  // namespace efs::net
