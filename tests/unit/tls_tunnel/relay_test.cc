#include "efs/tls_tunnel/relay.h"

#include <gtest/gtest.h>

#include "memory_transport.h"

namespace efs::tls_tunnel {
namespace {

using Outcome = Relay::Outcome;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + i / 251) & 0xFFU);
  return bytes;
}

// Pumps until it neither moves nor asks for more; bounded.
Outcome settle(Relay& relay, int turns = 100000) {
  Outcome outcome = Outcome::kMore;
  int quiet = 0;
  while (turns-- > 0 && quiet < 4) {
    outcome = relay.pump();
    if (outcome != Outcome::kMore && outcome != Outcome::kWaiting) return outcome;
    quiet = outcome == Outcome::kWaiting ? quiet + 1 : 0;
  }
  return outcome;
}

class RelayTest : public testing::Test {
 protected:
  Limits small() {
    Limits limits;
    limits.buffer = 16;
    limits.buffer_resume = 8;
    limits.bytes_per_turn = 64;
    return limits;
  }
  MemoryTransport client_;
  MemoryTransport upstream_;
};

TEST_F(RelayTest, CarriesBothDirections) {
  client_.input = pattern(5000);
  upstream_.input = pattern(7000);
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  EXPECT_EQ(upstream_.output, client_.input);
  EXPECT_EQ(client_.output, upstream_.input);
  EXPECT_EQ(relay.bytesUp(), 5000U);
  EXPECT_EQ(relay.bytesDown(), 7000U);
}

TEST_F(RelayTest, CarriesEverythingOneByteAtATimeWithWouldBlockInBetween) {
  for (MemoryTransport* side : {&client_, &upstream_}) {
    side->step = 1;
    side->blocks_between = true;
  }
  client_.input = pattern(300);
  client_.ends = true;
  upstream_.input = pattern(500);
  upstream_.ends = true;
  Relay relay(client_, upstream_, small());
  Outcome outcome = Outcome::kWaiting;
  // Each event allows a little; would-block is never an error.
  for (int i = 0; i < 5000 && (outcome == Outcome::kWaiting || outcome == Outcome::kMore); ++i)
    outcome = relay.pump();
  EXPECT_EQ(client_.output, upstream_.input);
  EXPECT_TRUE(outcome == Outcome::kFinished || outcome == Outcome::kUpstreamClosed);
}

TEST_F(RelayTest, DoesItsShareOfATurnAndAsksForMore) {
  client_.input = pattern(10000);
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(relay.pump(), Outcome::kMore);
  EXPECT_LE(upstream_.output.size(), 64U + 16U);
}

TEST_F(RelayTest, StopsReadingWhenTheOtherSideTakesNothingAndResumesAtHalf) {
  client_.input = pattern(1000);
  upstream_.room = 0;
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  EXPECT_EQ(client_.sent, 16U) << "no more than the buffer is taken";
  upstream_.room = 7;
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  EXPECT_EQ(client_.sent, 16U) << "nine of sixteen are left: more than half";
  upstream_.room = 8;
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  EXPECT_GT(client_.sent, 16U);
  upstream_.room = MemoryTransport::kNever;
  settle(relay);
  EXPECT_EQ(upstream_.output, client_.input);
}

TEST_F(RelayTest, OneStuckDirectionDoesNotStopTheOther) {
  client_.input = pattern(1000);
  upstream_.room = 0;
  upstream_.input = pattern(1000);
  Relay relay(client_, upstream_, small());
  settle(relay);
  EXPECT_EQ(client_.output, upstream_.input);
}

TEST_F(RelayTest, PassesTheClientsEndOnlyAfterItsBytes) {
  client_.input = pattern(100);
  client_.ends = true;
  upstream_.room = 99;
  Relay relay(client_, upstream_, small());
  settle(relay);
  EXPECT_FALSE(upstream_.finished);
  upstream_.room = 100;
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  EXPECT_TRUE(upstream_.finished);
  EXPECT_TRUE(relay.halfClosed());
  // The other direction goes on.
  upstream_.input = pattern(300);
  settle(relay);
  EXPECT_EQ(client_.output, upstream_.input);
  upstream_.ends = true;
  EXPECT_EQ(settle(relay), Outcome::kFinished);
}

// TUN-9
TEST_F(RelayTest, UpstreamsEndIsReportedOnceAllItsBytesAreDelivered) {
  upstream_.input = pattern(100);
  upstream_.ends = true;
  client_.room = 90;
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(settle(relay), Outcome::kWaiting);
  client_.room = 100;
  EXPECT_EQ(settle(relay), Outcome::kUpstreamClosed);
  EXPECT_EQ(client_.output, upstream_.input);
}

// TUN-9: whatever byte it breaks at, what came before is delivered and the reason is kept.
TEST_F(RelayTest, UpstreamThatBreaksAtAnyByteIsReportedAfterTheBytesBefore) {
  const std::string bytes = pattern(200);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    MemoryTransport client;
    MemoryTransport upstream;
    client.step = 3;
    upstream.input = bytes;
    upstream.break_reading_at = at;
    Relay relay(client, upstream, small());
    ASSERT_EQ(settle(relay), Outcome::kUpstreamFailed) << at;
    ASSERT_EQ(client.output, bytes.substr(0, at));
    ASSERT_EQ(upstream.error().message(), "reading broke");
  }
}

TEST_F(RelayTest, AnySideThatBreaksAtAnyByteOfAWriteIsNamed) {
  const std::string bytes = pattern(100);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    MemoryTransport client;
    MemoryTransport upstream;
    client.input = bytes;
    upstream.break_writing_at = at;
    Relay up(client, upstream, small());
    ASSERT_EQ(settle(up), Outcome::kUpstreamFailed) << at;

    MemoryTransport reader;
    MemoryTransport server;
    server.input = bytes;
    reader.break_writing_at = at;
    Relay down(reader, server, small());
    ASSERT_EQ(settle(down), Outcome::kClientFailed) << at;
  }
}

// With TLS 1.3 a refusal is an alert that arrives while we already fail to write.
TEST_F(RelayTest, ReadsWhatABrokenUpstreamSaidBeforeItReportsTheWrite) {
  client_.input = pattern(10);
  upstream_.break_writing_at = 0;
  upstream_.input = "last words";
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(settle(relay), Outcome::kUpstreamFailed);
  EXPECT_EQ(client_.output, "last words");
}

TEST_F(RelayTest, ClientThatBreaksIsReported) {
  client_.input = pattern(50);
  client_.break_reading_at = 20;
  Relay relay(client_, upstream_, small());
  EXPECT_EQ(settle(relay), Outcome::kClientFailed);
}

// Its calls are replayed on the next connection; kept, this one would wait for ever and look like a
// server that is silent.
TEST_F(RelayTest, ClientThatBreaksIsReportedWhileTheServerTakesNothing) {
  for (const std::size_t at : {0U, 1U, 15U}) {
    MemoryTransport client;
    MemoryTransport upstream;
    client.input = pattern(50);
    client.break_reading_at = at;
    upstream.room = 0;
    Relay relay(client, upstream, small());
    EXPECT_EQ(settle(relay), Outcome::kClientFailed) << at;
  }
}

// A capacity that no machine has memory for.
TEST_F(RelayTest, WithoutMemoryForABufferItAsksToBeCalledAgain) {
  Limits limits = small();
  limits.buffer = std::size_t{1} << 60U;
  limits.buffer_resume = limits.buffer / 2;
  client_.input = pattern(10);
  Relay relay(client_, upstream_, limits);
  EXPECT_EQ(relay.pump(), Outcome::kStarved);
  EXPECT_EQ(relay.pump(), Outcome::kStarved);
  EXPECT_EQ(client_.sent, 0U);
}

TEST_F(RelayTest, GivesItsMemoryBackWhenIdle) {
  client_.input = pattern(50);
  Relay relay(client_, upstream_, small());
  EXPECT_FALSE(relay.holdsMemory());
  settle(relay);
  EXPECT_TRUE(relay.holdsMemory());
  relay.releaseMemory();
  EXPECT_FALSE(relay.holdsMemory());
  client_.input += "more";
  settle(relay);
  EXPECT_EQ(upstream_.output, client_.input);
}

}  // namespace
}  // namespace efs::tls_tunnel
