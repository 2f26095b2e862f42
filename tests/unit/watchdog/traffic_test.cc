#include "observe/traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>

namespace efs::watchdog {
namespace {

using std::chrono::seconds;

const MonoTime kStart(std::chrono::hours(1));

TEST(Traffic, NothingWaitsWithoutACall) {
  Traffic traffic;
  EXPECT_FALSE(traffic.stuck(kStart));
  traffic.note(Traffic::Calls{.received = 7}, kStart);
  EXPECT_FALSE(traffic.stuck(kStart + seconds(100)));
}

TEST(Traffic, CountsFromTheOldestCall) {
  Traffic traffic;
  traffic.note({.received = 7, .waiting = true, .since = kStart - seconds(3)}, kStart);
  EXPECT_EQ(traffic.stuck(kStart), Duration(3000));
  EXPECT_EQ(traffic.stuck(kStart + seconds(20)), Duration(3000)) << "not looked at since";
}

TEST(Traffic, EveryByteFromTheServerStartsTheClockAnew) {
  Traffic traffic;
  for (unsigned i = 0; i < 20; ++i) {
    const MonoTime now = kStart + seconds(14 * i);
    traffic.note({.received = i, .waiting = true}, now);
    EXPECT_EQ(traffic.stuck(now), Duration(0));
  }
}

// A page may hold anything: it is shared memory, and may be read half written.
TEST(Traffic, TakesAnyPage) {
  std::mt19937_64 random(7);
  Traffic traffic;
  MonoTime now = kStart;
  const auto word = [&]() -> std::uint64_t {
    const std::uint64_t any = random();
    switch (any % 5) {
      case 0:
        return 0;
      case 1:
        return ~std::uint64_t{0} - any % 3;
      case 2:
        return any >> 32U;
      case 3:
        return static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::milliseconds(1));
      default:
        return any;
    }
  };
  for (int i = 0; i < 100000; ++i) {
    std::array<std::uint64_t, sizeof(tunnel_control::TunnelNumbers) / sizeof(std::uint64_t)> page{};
    std::generate(page.begin(), page.end(), word);
    now += std::chrono::milliseconds(random() % 20000);
    traffic.note(Traffic::ofPage(std::bit_cast<tunnel_control::TunnelNumbers>(page),
                                 {random() % 3, random() % 2 == 0}),
                 now);
    traffic.noteUnread(random() % 2 == 0, now, now - std::chrono::milliseconds(random() % 20000));
    const auto stuck = traffic.stuck(now);
    EXPECT_GE(stuck.value_or(Duration(0)), Duration(0));
    EXPECT_LE(stuck.value_or(Duration(0)), now.time_since_epoch());
  }
}

// A slow upload: no reply for a minute, but its bytes are on their way.
TEST(Traffic, ALargeWriteOnItsWayIsProgress) {
  Traffic traffic;
  for (unsigned i = 0; i < 12; ++i) {
    const MonoTime now = kStart + seconds(5 * i);
    traffic.note({.sent = i * 100000ULL, .waiting = true}, now);
    EXPECT_LE(traffic.stuck(now), seconds(5));
  }
}

TEST(Traffic, ATrickleOfNewCallsIsNone) {
  Traffic traffic;
  for (unsigned i = 0; i <= 12; ++i) {
    traffic.note({.sent = i * 200ULL, .waiting = true}, kStart + seconds(5 * i));
  }
  EXPECT_EQ(traffic.stuck(kStart + seconds(60)), Duration(60000));
}

// The kernel sends everything again; the tunnel's numbers start anew. Neither came from the server.
TEST(Traffic, AReplayOrANewTunnelIsNone) {
  Traffic traffic;
  traffic.note({.received = 1000, .sent = 1, .connection = 1, .waiting = true}, kStart);
  traffic.note({.received = 1000, .sent = 900000, .connection = 2, .waiting = true},
               kStart + seconds(15));
  traffic.note({.connection = 3, .waiting = false}, kStart + seconds(20));
  traffic.note({.connection = 3, .waiting = true}, kStart + seconds(25));
  EXPECT_EQ(traffic.stuck(kStart + seconds(30)), Duration(25000));
}

// One counts bytes, the other replies, and each tunnel from its own start.
TEST(Traffic, NumbersOfDifferentCountersAreNotCompared) {
  Traffic traffic;
  traffic.note({.received = 10, .tunnel = 1, .waiting = true}, kStart);
  traffic.note({.received = 99, .waiting = true}, kStart + seconds(5));
  traffic.note({.received = 10, .tunnel = 1, .waiting = true}, kStart + seconds(10));
  EXPECT_EQ(traffic.stuck(kStart + seconds(10)), Duration(10000));
  traffic.note({.received = 0, .tunnel = 2, .waiting = true}, kStart + seconds(15));
  EXPECT_EQ(traffic.stuck(kStart + seconds(15)), Duration(15000));
}

TEST(Traffic, WhatASuccessorReceivedBeforeTheFirstLookIsProgress) {
  Traffic traffic;
  traffic.note({.received = 1000, .tunnel = 1, .waiting = true}, kStart);
  traffic.note({.received = 40, .tunnel = 2}, kStart + seconds(15));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(15)));
}

TEST(Traffic, ForgetsACallThatWasGivenUp) {
  Traffic traffic;
  traffic.note({.waiting = true}, kStart);
  for (int i = 1; i <= 5; ++i) traffic.note({.waiting = false}, kStart + seconds(5 * i));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(26)));
}

// Its pauses grow to five minutes: no connection is no sign that nobody waits.
TEST(Traffic, AKernelWithoutAConnectionMayStillWait) {
  Traffic traffic;
  traffic.note({.waiting = true}, kStart);
  for (int i = 1; i <= 63; ++i) traffic.note({.connected = false}, kStart + seconds(5 * i));
  EXPECT_EQ(traffic.stuck(kStart + seconds(315)), seconds(315));
  EXPECT_FALSE(traffic.gaveUp());
  for (int i = 64; i <= 66; ++i) traffic.note({.connected = false}, kStart + seconds(5 * i));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(330)));
  EXPECT_TRUE(traffic.gaveUp());
}

TEST(Traffic, WhatWasForgottenDoesNotComeBackOlder) {
  Traffic traffic;
  const Traffic::Calls gone{.since = kStart, .connected = false};
  for (int i = 1; i <= 67; ++i) traffic.note(gone, kStart + seconds(5 * i));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(335)));
  traffic.note({.waiting = true, .since = kStart}, kStart + seconds(340));
  EXPECT_LE(traffic.stuck(kStart + seconds(340)), seconds(20));
}

// A handshake that is done is no byte for the kernel, but no silence either.
TEST(Traffic, AServerThatGetsFurtherOnTheSameConnectionMoves) {
  Traffic traffic;
  traffic.note({.connection = 1, .waiting = true, .since = kStart}, kStart + seconds(5));
  traffic.note({.connection = 1, .waiting = true, .since = kStart + seconds(9)},
               kStart + seconds(10));
  EXPECT_EQ(traffic.stuck(kStart + seconds(10)), seconds(1));
  traffic.note({.connection = 2, .waiting = true, .since = kStart + seconds(15)},
               kStart + seconds(16));
  EXPECT_EQ(traffic.stuck(kStart + seconds(16)), seconds(7)) << "a new connection is no answer";
}

TEST(Traffic, APageOfAnOlderTunnelTellsThatItsUpstreamIsNotThere) {
  tunnel_control::TunnelNumbers page;
  page.connections_open = 1;
  page.upstream_state = static_cast<std::uint64_t>(tunnel_control::UpstreamState::kSecuring);
  EXPECT_TRUE(Traffic::ofPage(page, {}).waiting);
  EXPECT_FALSE(Traffic::ofPage(page, {.asking = true}).waiting) << "that is our own question";
  page.remembers = 1;  // a newer one names who waits
  EXPECT_FALSE(Traffic::ofPage(page, {}).waiting);
  page.waiting_since = 5000;
  EXPECT_EQ(Traffic::ofPage(page, {}).since, MonoTime(seconds(5)));
}

// A broken tunnel's page holds anything.
TEST(Traffic, TimesThatNoClockShowsAreNone) {
  Traffic traffic;
  for (const std::uint64_t word : {1ULL, 3600001ULL, 1ULL << 63U, ~0ULL}) {
    tunnel_control::TunnelNumbers page;
    page.remembers = page.pending = 1;
    page.waiting_since = word;
    traffic.note(Traffic::ofPage(page, {}), kStart);
    EXPECT_GE(traffic.stuck(kStart), seconds(0));
    EXPECT_LE(traffic.stuck(kStart), std::chrono::hours(1));
  }
}

TEST(Traffic, AnswersToOurQuestionsAreNotReceivedByTheMount) {
  tunnel_control::TunnelNumbers page;
  page.remembers = 1;
  page.bytes_down = 128;
  page.question_bytes = 28;
  page.connections_total = 7;
  page.questions = 3;
  EXPECT_EQ(Traffic::ofPage(page, {}).received, 100U);
  EXPECT_EQ(Traffic::ofPage(page, {}).connection, 4U);
}

TEST(Traffic, UnreadBytesCountUntilTheTunnelReads) {
  Traffic traffic;
  traffic.note({.sent = 5, .connection = 1}, kStart);
  traffic.noteUnread(true, kStart, kStart);
  traffic.noteUnread(true, kStart + seconds(15), kStart);
  EXPECT_EQ(traffic.stuck(kStart + seconds(15)), Duration(15000));
  EXPECT_TRUE(traffic.deaf(seconds(15)));
  traffic.note({.sent = 6, .connection = 1}, kStart + seconds(16));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(16)));
}

// Detected within hang_detection_sec, however the looks fall.
TEST(Traffic, UnreadBytesCountFromTheLookBeforeTheyWereSeenTwice) {
  Traffic traffic;
  traffic.noteUnread(true, kStart + seconds(5), kStart);
  EXPECT_EQ(traffic.stuck(kStart + seconds(5)), Duration(0));
  traffic.noteUnread(true, kStart + seconds(10), kStart + seconds(5));
  EXPECT_EQ(traffic.stuck(kStart + seconds(10)), Duration(10000));
  traffic.noteUnread(true, kStart + seconds(15), kStart + seconds(10));
  EXPECT_EQ(traffic.stuck(kStart + seconds(15)), Duration(15000));
  traffic.noteUnread(false, kStart + seconds(20), kStart + seconds(15));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(20)));
}

TransportCounters kernel(std::uint64_t connects, std::uint64_t sends, std::uint64_t receives) {
  return {.connects = connects, .sends = sends, .receives = receives};
}

TEST(Traffic, KernelCountersShowACallThatWaits) {
  Traffic traffic;
  traffic.note(kernel(1, 100, 100), kStart);
  traffic.note(kernel(1, 100, 100), kStart + seconds(15));
  traffic.note(kernel(1, 101, 100), kStart + seconds(30));
  traffic.note(kernel(1, 101, 100), kStart + seconds(45));
  EXPECT_EQ(traffic.stuck(kStart + seconds(45)), Duration(15000));
  traffic.note(kernel(1, 101, 101), kStart + seconds(60));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(60)));
}

// Transmissions that a reconnect lost are never answered and never subtracted.
TEST(Traffic, KernelCountersAreLearntAnewAfterAReconnect) {
  Traffic traffic;
  traffic.note(kernel(1, 100, 100), kStart);
  traffic.note(kernel(1, 100, 100), kStart + seconds(15));
  traffic.note(kernel(1, 103, 100), kStart + seconds(30));
  traffic.note(kernel(2, 106, 103), kStart + seconds(45));
  traffic.note(kernel(2, 106, 103), kStart + seconds(60));
  traffic.note(kernel(2, 106, 103), kStart + seconds(75));
  for (int i = 6; i < 12; ++i) traffic.note(kernel(2, 106, 103), kStart + seconds(15 * i));
  EXPECT_FALSE(traffic.stuck(kStart + seconds(200)));
}

// What is normal was never to be seen at rest; while answers came nothing was missing.
TEST(Traffic, KernelCountersShowTheFirstWaitOfAMountThatWasNeverQuiet) {
  Traffic traffic;
  for (unsigned i = 1; i <= 10; ++i) {
    traffic.note(kernel(1, 100 * i, 100 * i), kStart + seconds(15 * i));
  }
  for (int i = 11; i < 15; ++i) traffic.note(kernel(1, 1001, 1000), kStart + seconds(15 * i));
  EXPECT_GE(traffic.stuck(kStart + seconds(210)).value_or(Duration(0)), Duration(30000));
}

}  // namespace
}  // namespace efs::watchdog
