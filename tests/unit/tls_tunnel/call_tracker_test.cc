#include "efs/tls_tunnel/call_tracker.h"

#include <gtest/gtest.h>

#include "efs/rpc/xdr.h"

namespace efs::tls_tunnel {
namespace {

std::string record(std::uint32_t xid, rpc::Direction direction, std::size_t body = 32) {
  rpc::XdrWriter message;
  message.u32(xid);
  message.u32(static_cast<std::uint32_t>(direction));
  message.fixed(std::string(body, 'x'));
  return rpc::wrapRecord(message.bytes());
}
std::string call(std::uint32_t xid, std::size_t body = 32) {
  return record(xid, rpc::Direction::kCall, body);
}
std::string reply(std::uint32_t xid, std::size_t body = 32) {
  return record(xid, rpc::Direction::kReply, body);
}

class CallTrackerTest : public testing::Test {
 protected:
  void up(const std::string& bytes) { calls_.fromClient(std::as_bytes(std::span(bytes))); }
  void down(const std::string& bytes) { calls_.fromServer(std::as_bytes(std::span(bytes))); }
  void at(std::uint64_t now) { calls_.setNow(now); }
  CallTracker calls_;
};

TEST_F(CallTrackerTest, PairsRepliesWithCallsInAnyOrder) {
  at(10);
  up(call(1) + call(2));
  at(20);
  up(call(3));
  EXPECT_EQ(calls_.outstanding(), 3U);
  EXPECT_EQ(calls_.oldest(), 10U);
  down(reply(2) + reply(1));
  EXPECT_EQ(calls_.outstanding(), 1U);
  EXPECT_EQ(calls_.oldest(), 20U);
  down(reply(3));
  EXPECT_EQ(calls_.oldest(), 0U);
  EXPECT_EQ(calls_.calls(), 3U);
  EXPECT_EQ(calls_.replies(), 3U);
}

TEST_F(CallTrackerTest, CountsHowLongEachReplyTook) {
  at(10);
  up(call(1) + call(2) + call(3));
  down(reply(1));
  at(13);
  down(reply(2));
  at(9010);
  down(reply(3) + reply(4));
  tunnel_control::LatencyCounts expected{};
  expected[0] = 1;                    // less than a millisecond
  expected[2] = 1;                    // 3 ms: less than 4
  expected[expected.size() - 1] = 1;  // 9 s
  EXPECT_EQ(calls_.latency(), expected) << "a reply to nothing counts nowhere";
  EXPECT_EQ(calls_.latencySum(), 9003U);
}

TEST_F(CallTrackerTest, FollowsTheStreamOneByteAtATime) {
  for (const char byte : call(1, 100) + call(2, 0)) up(std::string(1, byte));
  EXPECT_EQ(calls_.outstanding(), 2U);
  for (const char byte : reply(1) + reply(2)) down(std::string(1, byte));
  EXPECT_EQ(calls_.outstanding(), 0U);
}

TEST_F(CallTrackerTest, FindsAPrefixThatIsSplitOverFragments) {
  // RFC 5531 section 11: a fragment may end anywhere, also inside the first word.
  const std::string message = call(7, 0).substr(rpc::kMarkSize);
  std::string fragments;
  for (std::size_t i = 0; i < message.size(); ++i) {
    rpc::XdrWriter mark;
    mark.u32(rpc::RecordMark{1, i + 1 == message.size()}.encode());
    fragments += mark.bytes() + message[i];
  }
  up(fragments);
  EXPECT_EQ(calls_.outstanding(), 1U);
  down(reply(7));
  EXPECT_EQ(calls_.outstanding(), 0U);
}

// A server that stops reading in the middle of a WRITE does not answer; one that is in the middle
// of a READ's reply has not answered yet.
TEST_F(CallTrackerTest, ACallCountsFromItsBeginningAndAReplyFromItsEnd) {
  up(call(1, 1U << 20U).substr(0, 100));
  EXPECT_EQ(calls_.outstanding(), 1U);
  const std::string answer = reply(1, 1U << 20U);
  down(answer.substr(0, answer.size() - 1));
  EXPECT_EQ(calls_.outstanding(), 1U);
  down(answer.substr(answer.size() - 1));
  EXPECT_EQ(calls_.outstanding(), 0U);
}

// RFC 8881 section 2.10.3.1: the server calls back over the same connection, with ids of its own.
TEST_F(CallTrackerTest, CallsOfTheServerAreNoReplies) {
  up(call(5));
  down(call(5));
  EXPECT_EQ(calls_.outstanding(), 1U);
  EXPECT_EQ(calls_.backchannelCalls(), 1U);
  up(reply(5));
  EXPECT_EQ(calls_.outstanding(), 1U) << "the client's reply is not the server's";
  EXPECT_EQ(calls_.calls(), 1U);
  down(reply(5));
  EXPECT_EQ(calls_.outstanding(), 0U);
}

TEST_F(CallTrackerTest, ACallSentAgainKeepsItsFirstTime) {
  at(10);
  up(call(1));
  at(99);
  up(call(1));
  EXPECT_EQ(calls_.outstanding(), 1U);
  EXPECT_EQ(calls_.oldest(), 10U);
}

TEST_F(CallTrackerTest, CountsWhatItsTableCannotHold) {
  constexpr std::uint32_t kMany = CallTracker::kTracked + 10;
  for (std::uint32_t xid = 0; xid < kMany; ++xid) {
    at(xid + 1);
    up(call(xid));
  }
  EXPECT_EQ(calls_.outstanding(), kMany);
  EXPECT_EQ(calls_.oldest(), 1U);
  for (std::uint32_t xid = 0; xid < CallTracker::kTracked; ++xid) down(reply(xid));
  EXPECT_EQ(calls_.outstanding(), 10U);
  EXPECT_EQ(calls_.oldest(), CallTracker::kTracked + 1);
  for (std::uint32_t xid = CallTracker::kTracked; xid < kMany; ++xid) down(reply(xid));
  EXPECT_EQ(calls_.outstanding(), 0U);
  EXPECT_EQ(calls_.oldest(), 0U);
}

TEST_F(CallTrackerTest, AReplyToNothingIsHarmless) {
  down(reply(1));
  EXPECT_EQ(calls_.outstanding(), 0U);
  up(call(1));
  EXPECT_EQ(calls_.outstanding(), 1U);
}

// TUN-13: the kernel's largest WRITE is followed, more than that ends the measuring alone.
TEST_F(CallTrackerTest, FollowsTheLargestRecordTheKernelSends) {
  up(call(1, rpc::kMaxFragment - 8));
  EXPECT_TRUE(calls_.measuring());
  EXPECT_EQ(calls_.outstanding(), 1U);
}

TEST_F(CallTrackerTest, ARecordBeyondTheLimitEndsTheMeasuringAndLeavesNoOldCall) {
  at(10);
  up(call(1));
  up(call(2, rpc::kMaxFragment));
  EXPECT_FALSE(calls_.measuring());
  EXPECT_EQ(calls_.outstanding(), 0U);
  EXPECT_EQ(calls_.oldest(), 0U);
  down(reply(1));
  up("anything");
  EXPECT_EQ(calls_.calls(), 1U);
}

TEST_F(CallTrackerTest, PassesOverMessagesThatAreNone) {
  up(rpc::wrapRecord("short") + rpc::wrapRecord("") + record(1, static_cast<rpc::Direction>(7)));
  EXPECT_TRUE(calls_.measuring());
  EXPECT_EQ(calls_.outstanding(), 0U);
  up(call(2));
  EXPECT_EQ(calls_.outstanding(), 1U);
}

}  // namespace
}  // namespace efs::tls_tunnel
