#include "efs/tls_tunnel/tunnel_meter.h"

#include <gtest/gtest.h>

#include "efs/rpc/message.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tls_tunnel {
namespace {

using tunnel_control::UpstreamState;

class TunnelMeterTest : public testing::Test {
 protected:
  ConnectionMeter connection() {
    ConnectionMeter made;
    made.state = UpstreamState::kConnected;
    made.calls = std::make_unique<CallTracker>();
    return made;
  }
  static void call(ConnectionMeter& connection, std::uint32_t xid, std::uint64_t now) {
    connection.calls->setNow(now);
    const std::string record = rpc::nullCall(xid);
    connection.calls->fromClient(std::as_bytes(std::span(record)));
    connection.last_up = now;
  }
  TunnelMeter meter_{tunnel_control::CountersWriter()};
};

TEST_F(TunnelMeterTest, AddsUpConnectionsAndKeepsWhatTheyDid) {
  ConnectionMeter one = connection();
  ConnectionMeter two = connection();
  one.bytes_up = 10;
  two.bytes_up = 5;
  two.last_down = 77;
  call(one, 1, 50);
  meter_.add(one);
  meter_.add(two);
  EXPECT_EQ(meter_.numbers().connections_open, 2U);
  EXPECT_EQ(meter_.numbers().bytes_up, 15U);
  meter_.remove(one, 900);
  meter_.remove(one, 900);
  const auto after = meter_.numbers();
  EXPECT_EQ(after.connections_open, 1U);
  EXPECT_EQ(after.connections_total, 2U);
  EXPECT_EQ(after.bytes_up, 15U);
  EXPECT_EQ(after.calls, 1U);
  EXPECT_EQ(after.last_upstream_byte, 77U);
  EXPECT_EQ(after.outstanding, 0U) << "the kernel replays them on another connection";
  EXPECT_EQ(after.oldest_call, 0U);
}

// Its calls are the kernel's no more; it will come back on another connection.
TEST_F(TunnelMeterTest, AClientThatEndedItsSideCountsAsNobodyWaiting) {
  ConnectionMeter ended = connection();
  call(ended, 1, 100);
  ended.asked = 100;
  meter_.add(ended);
  EXPECT_EQ(meter_.numbers().silent_since, 100U);
  EXPECT_EQ(meter_.numbers().waiting_since, 100U);
  ended.client_ended = true;
  EXPECT_EQ(meter_.numbers().silent_since, 0U);
  EXPECT_EQ(meter_.numbers().waiting_since, 0U);
  // Until it does: then since when it has waited.
  meter_.remove(ended, 500);
  EXPECT_EQ(meter_.numbers().waiting_since, 100U);
}

TEST_F(TunnelMeterTest, OneSilentServerIsSeenBesideATalkingOne) {
  ConnectionMeter silent = connection();
  ConnectionMeter talking = connection();
  call(silent, 1, 100);
  silent.last_down = 120;
  call(talking, 2, 90);
  talking.last_down = 900;
  meter_.add(silent);
  meter_.add(talking);
  const auto numbers = meter_.numbers();
  EXPECT_EQ(numbers.oldest_call, 90U);
  EXPECT_EQ(numbers.silent_since, 120U);
  EXPECT_EQ(numbers.last_upstream_byte, 900U);
  EXPECT_EQ(numbers.outstanding, 2U);
}

TEST_F(TunnelMeterTest, AClientThatDoesNotReadMakesNoSilentServer) {
  ConnectionMeter stuck = connection();
  call(stuck, 1, 100);
  stuck.client_blocks = true;
  meter_.add(stuck);
  EXPECT_EQ(meter_.numbers().silent_since, 0U);
  EXPECT_EQ(meter_.numbers().oldest_call, 100U);
}

TEST_F(TunnelMeterTest, AnIdleConnectionIsNotSilent) {
  ConnectionMeter idle = connection();
  idle.last_down = 5;
  meter_.add(idle);
  EXPECT_EQ(meter_.numbers().silent_since, 0U);
}

TEST_F(TunnelMeterTest, WaitsSinceTheFirstByteWhileItsUpstreamIsNotThere) {
  ConnectionMeter pending;
  pending.asked = 70;
  meter_.add(pending);
  const auto numbers = meter_.numbers();
  EXPECT_EQ(numbers.pending, 1U);
  EXPECT_EQ(numbers.waiting_since, 70U);
  EXPECT_EQ(numbers.silent_since, 0U) << "there is no server yet that could be silent";
}

// The connection that comes in its place has waited since that one began to.
TEST_F(TunnelMeterTest, AResetEndsNoWait) {
  ConnectionMeter first;
  first.asked = 70;
  meter_.add(first);
  meter_.remove(first, 10070);
  EXPECT_EQ(meter_.numbers().absent, 1U);
  EXPECT_EQ(meter_.numbers().waiting_since, 70U);
  ConnectionMeter second = connection();
  second.asked = 10100;
  meter_.add(second);
  call(second, 1, 10200);
  EXPECT_EQ(meter_.numbers().absent, 0U);
  EXPECT_EQ(meter_.numbers().waiting_since, 70U);
  second.last_down = 10300;
  EXPECT_EQ(meter_.numbers().waiting_since, 10300U) << "its server said something";
}

// A middlebox that answers each connection with a page of its own and hangs up; or does not.
TEST_F(TunnelMeterTest, BytesThatAreNoRpcEndNoWait) {
  const std::string page = "HTTP/1.1 400 Bad Request\r\n\r\n";
  const auto said = [&page](ConnectionMeter& connection, std::uint64_t now) {
    connection.calls->fromServer(std::as_bytes(std::span(page)));
    connection.last_down = now;
  };
  ConnectionMeter first = connection();
  first.asked = 70;
  meter_.add(first);
  call(first, 1, 80);
  said(first, 100);
  EXPECT_EQ(meter_.numbers().waiting_since, 100U) << "it may go on, for all we know";
  meter_.remove(first, 3000);
  EXPECT_EQ(meter_.numbers().waiting_since, 70U);
  ConnectionMeter second = connection();
  second.asked = 6000;
  meter_.add(second);
  call(second, 1, 6000);
  said(second, 6100);
  EXPECT_EQ(meter_.numbers().waiting_since, 70U);
}

// One that was answered and says something else later: nothing is known about what waits.
TEST_F(TunnelMeterTest, RecordsThatCannotBeFollowedLaterTellNothing) {
  ConnectionMeter served = connection();
  served.asked = 70;
  meter_.add(served);
  call(served, 1, 80);
  const std::string reply("\x80\0\0\x18\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28);
  served.calls->fromServer(std::as_bytes(std::span(reply)));
  call(served, 2, 90);
  const std::string other = "no RPC, no RPC";
  served.calls->fromServer(std::as_bytes(std::span(other)));
  served.last_down = 100;
  EXPECT_EQ(served.calls->replies(), 1U);
  EXPECT_EQ(meter_.numbers().unmeasured, 1U);
  EXPECT_EQ(meter_.numbers().waiting_since, 0U);
}

TEST_F(TunnelMeterTest, WhoeverDoesNotComeBackWhileTheServerServesOthersIsPassedOver) {
  ConnectionMeter gone;
  gone.asked = 70;
  meter_.add(gone);
  meter_.remove(gone, 1000);
  ConnectionMeter other = connection();
  other.asked = 30;
  other.last_down = 1500;
  ConnectionMeter returned;
  meter_.add(returned);
  meter_.remove(returned, 1000);
  meter_.add(other);
  EXPECT_EQ(other.inherited, 70U);
  ConnectionMeter lost;
  lost.asked = 1200;
  meter_.add(lost);
  meter_.remove(lost, 2000);
  EXPECT_EQ(meter_.numbers().waiting_since, 1200U);
  other.last_down = 17001;
  EXPECT_EQ(meter_.numbers().waiting_since, 0U);
  ConnectionMeter late;
  late.asked = 400000;
  meter_.add(late);
  EXPECT_EQ(late.inherited, 0U) << "no kernel pauses for so long";
}

TEST_F(TunnelMeterTest, NobodyWaitsForTheAnswerToAQuestion) {
  ConnectionMeter question = connection();
  question.question = true;
  question.asked = 70;
  question.bytes_down = 28;
  call(question, 1, 70);
  meter_.add(question);
  auto numbers = meter_.numbers();
  EXPECT_EQ(numbers.connections_open, 1U);
  EXPECT_EQ(numbers.clients, 0U);
  EXPECT_EQ(numbers.outstanding, 0U);
  EXPECT_EQ(numbers.waiting_since, 0U);
  meter_.remove(question, 5000);
  numbers = meter_.numbers();
  EXPECT_EQ(numbers.absent, 0U);
  EXPECT_EQ(numbers.questions, 1U);
  EXPECT_EQ(numbers.question_bytes, 28U);
  EXPECT_EQ(numbers.bytes_down, 28U);
}

TEST_F(TunnelMeterTest, TellsSinceWhenNoServerCanBeReached) {
  meter_.attemptFailed(Error(ErrorKind::kRefused, "refused"), 100);
  meter_.attemptFailed(Error(ErrorKind::kTimeout, "timeout"), 200);
  EXPECT_EQ(meter_.numbers().unreachable_since, 100U);
  EXPECT_EQ(meter_.numbers().attempts_failed, 2U);
  EXPECT_EQ(meter_.facts().error, "timeout");
  EXPECT_EQ(meter_.facts().error_time, 200U);
  meter_.serverAnswered();
  EXPECT_EQ(meter_.numbers().unreachable_since, 0U);
  EXPECT_EQ(meter_.numbers().attempts_failed, 0U);
}

TEST_F(TunnelMeterTest, ShowsTheStateOfTheConnectionThatIsFurthest) {
  EXPECT_EQ(meter_.numbers().upstream_state, static_cast<std::uint64_t>(UpstreamState::kIdle));
  ConnectionMeter connecting;
  connecting.state = UpstreamState::kConnecting;
  meter_.add(connecting);
  ConnectionMeter relaying = connection();
  meter_.add(relaying);
  EXPECT_EQ(meter_.numbers().upstream_state, static_cast<std::uint64_t>(UpstreamState::kConnected));
  meter_.remove(relaying, 900);
  EXPECT_EQ(meter_.numbers().upstream_state,
            static_cast<std::uint64_t>(UpstreamState::kConnecting));
}

TEST_F(TunnelMeterTest, CountsReconnectsFromTheSecondConnectionOn) {
  meter_.connected();
  EXPECT_EQ(meter_.numbers().reconnects, 0U);
  meter_.connected();
  EXPECT_EQ(meter_.numbers().reconnects, 1U);
}

}  // namespace
}  // namespace efs::tls_tunnel
