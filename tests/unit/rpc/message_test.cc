#include "efs/rpc/message.h"

#include <gtest/gtest.h>

namespace efs::rpc {
namespace {

using namespace std::string_literals;

std::string words(std::initializer_list<std::uint32_t> values) {
  XdrWriter out;
  for (const auto value : values) out.u32(value);
  return out.bytes();
}

Status judge(std::initializer_list<std::uint32_t> values) {
  const auto bytes = words(values);
  XdrReader in(bytes);
  return readReply(in, 7);
}

ErrorKind kindOf(std::initializer_list<std::uint32_t> values) {
  const auto status = judge(values);
  return status ? ErrorKind::kInternal : status.error().kind();
}

TEST(Message, PrefixNeedsEightBytesAndAKnownDirection) {
  EXPECT_EQ(readPrefix(words({9, 0}))->xid, 9U);
  EXPECT_EQ(readPrefix(words({9, 0}))->direction, Direction::kCall);
  EXPECT_EQ(readPrefix(words({9, 1}))->direction, Direction::kReply);
  EXPECT_FALSE(readPrefix(words({9, 2})));
  EXPECT_FALSE(readPrefix(words({9})));
  EXPECT_FALSE(readPrefix(""));
}

// RFC 5531 section 9: call, RPC version 2, program, version, procedure, two times AUTH_NONE
TEST(Message, NullCallIsAWholeRecordOfFortyBytes) {
  EXPECT_EQ(nullCall(0x01020304),
            "\x80\0\0\x28\1\2\3\4"s + words({0, 2, 100003, 4, 0, 0, 0, 0, 0}));
}

TEST(Message, AQuestionIsKnownByItsFirstEightBytes) {
  EXPECT_TRUE(beginsWithQuestion(nullCall(kQuestionXid).substr(0, 8)));
  EXPECT_FALSE(beginsWithQuestion(nullCall(kQuestionXid).substr(0, 7)));
  EXPECT_FALSE(beginsWithQuestion(nullCall(kQuestionXid + 1)));
  EXPECT_FALSE(beginsWithQuestion(""));
}

TEST(Message, CallIsReadBackAsWritten) {
  XdrWriter out;
  writeCall(out, {1, 2, 3, 4}, "host");
  out.u32(0xabcdU);
  XdrReader in(out.bytes());
  const auto call = readCall(in);
  EXPECT_EQ(call.xid, 1U);
  EXPECT_EQ(call.program, 2U);
  EXPECT_EQ(call.version, 3U);
  EXPECT_EQ(call.procedure, 4U);
  EXPECT_EQ(in.u32(), 0xabcdU);
  EXPECT_TRUE(in.ok());
}

TEST(Message, ReadCallFailsOnRepliesAndOtherVersions) {
  for (const auto& bytes :
       {words({1, 1, 2, 3, 4, 5, 0, 0, 0, 0}), words({1, 0, 3, 3, 4, 5, 0, 0, 0, 0}),
        words({1, 0, 2, 3, 4, 5, 0, 401, 0, 0})}) {
    XdrReader in(bytes);
    readCall(in);
    EXPECT_FALSE(in.ok());
  }
}

// RFC 5531 section 9
TEST(Message, AcceptedReplyLeavesTheReaderAtTheResults) {
  const auto bytes = words({7, 1, 0, 0, 0, 0, 42});
  XdrReader in(bytes);
  ASSERT_TRUE(readReply(in, 7));
  EXPECT_EQ(in.u32(), 42U);
}

TEST(Message, DenialIsPermission) {
  EXPECT_EQ(kindOf({7, 1, 1, 1, 5}), ErrorKind::kPermission);
  EXPECT_EQ(judge({7, 1, 1, 1, 5}).error().message(), "RPC call denied, authentication error 5");
}

TEST(Message, MismatchesAreUnsupported) {
  EXPECT_EQ(kindOf({7, 1, 1, 0, 2, 2}), ErrorKind::kUnsupported);
  EXPECT_EQ(kindOf({7, 1, 0, 0, 0, 1}), ErrorKind::kUnsupported);
  EXPECT_EQ(kindOf({7, 1, 0, 0, 0, 2, 3, 4}), ErrorKind::kUnsupported);
}

TEST(Message, EverythingElseIsProtocol) {
  EXPECT_EQ(kindOf({8, 1, 0, 0, 0, 0}), ErrorKind::kProtocol);    // another xid
  EXPECT_EQ(kindOf({7, 0, 0, 0, 0, 0}), ErrorKind::kProtocol);    // a call
  EXPECT_EQ(kindOf({7, 1, 2}), ErrorKind::kProtocol);             // no such reply status
  EXPECT_EQ(kindOf({7, 1, 1, 2, 0}), ErrorKind::kProtocol);       // no such denial
  EXPECT_EQ(kindOf({7, 1, 1, 1}), ErrorKind::kProtocol);          // cut
  EXPECT_EQ(kindOf({7, 1, 0, 0, 401, 0}), ErrorKind::kProtocol);  // verifier above 400 bytes
  EXPECT_EQ(kindOf({7, 1, 0, 0, 0, 4}), ErrorKind::kProtocol);
  EXPECT_EQ(kindOf({7, 1, 0, 0, 0, 5}), ErrorKind::kProtocol);
  EXPECT_EQ(kindOf({7, 1, 0, 0, 0, 99}), ErrorKind::kProtocol);
  EXPECT_EQ(kindOf({}), ErrorKind::kProtocol);
}

}  // namespace
}  // namespace efs::rpc
