#include "nfs_denial.h"

#include <gtest/gtest.h>

#include <array>

namespace efs::simulator {
namespace {

std::string word(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
  return out;
}

std::string words(std::initializer_list<std::uint32_t> values) {
  std::string out;
  for (const auto value : values) out += word(value);
  return out;
}

std::string record(const std::string& body) {
  return word(0x80000000U | static_cast<std::uint32_t>(body.size())) + body;
}

constexpr std::uint32_t kXid = 77;

// CALL of COMPOUND up to the number of operations: no credential, empty tag, minor version 1.
std::string callHead() { return words({kXid, 0, 2, 100003, 4, 1, 0, 0, 0, 0, 0, 1}); }
std::string sequenceCall() { return word(53) + std::string(32, 's'); }
std::string sequenceResult() { return words({53, 0}) + std::string(36, 'r'); }
// Accepted REPLY up to the status of the compound.
std::string replyHead() { return words({kXid, 1, 0, 0, 0, 0}); }

class DenialFilterTest : public testing::Test {
 protected:
  std::string call(const std::string& bytes) {
    std::string out;
    EXPECT_TRUE(filter_.calls().feed(bytes, out));
    return out;
  }
  std::string reply(const std::string& bytes) {
    std::string out;
    EXPECT_TRUE(filter_.replies().feed(bytes, out));
    return out;
  }
  bool denied_ = true;
  int count_ = 0;
  DenialFilter filter_{{[this] { return denied_; }, false}, [this] { ++count_; }};
};

TEST_F(DenialFilterTest, CutsTheCallBehindPutRootFhAndDeniesInTheReply) {
  const std::string operations = sequenceCall() + words({24, 10, 9, 2, 0, 0});
  EXPECT_EQ(call(record(callHead() + word(4) + operations)),
            record(callHead() + word(2) + sequenceCall() + word(24)));
  EXPECT_EQ(reply(record(replyHead() + words({0, 0, 2}) + sequenceResult() + words({24, 0}))),
            record(replyHead() + words({13, 0, 2}) + sequenceResult() + words({24, 13})));
  EXPECT_EQ(count_, 1);
}

TEST_F(DenialFilterTest, PassesTheReplyWhoseSequenceFailed) {
  call(record(callHead() + word(2) + sequenceCall() + word(24)));
  const std::string failed = record(replyHead() + words({10052, 0, 1, 53, 10052}));
  EXPECT_EQ(reply(failed), failed);
}

TEST_F(DenialFilterTest, LeavesOtherCompoundsAlone) {
  const std::string only_sequence = record(callHead() + word(1) + sequenceCall());
  const std::string putfh = record(callHead() + word(2) + sequenceCall() + words({22, 4}) + "hndl");
  EXPECT_EQ(call(only_sequence), only_sequence);
  EXPECT_EQ(call(putfh), putfh);
  EXPECT_EQ(count_, 0);
}

TEST_F(DenialFilterTest, LeavesEverythingAloneWhenNothingIsDenied) {
  denied_ = false;
  const std::string bytes = record(callHead() + word(2) + sequenceCall() + word(24));
  std::string out;
  for (const char byte : bytes) out += call(std::string(1, byte));
  EXPECT_EQ(out, bytes);
}

TEST_F(DenialFilterTest, SeesACallThatComesInFragmentsAndSingleBytes) {
  const std::string body = callHead() + words({1, 24});
  const std::string bytes = word(5) + body.substr(0, 5) + word(0) +
                            word(static_cast<std::uint32_t>(body.size() - 5)) + body.substr(5) +
                            word(0x80000000U);
  std::string out;
  for (const char byte : bytes) out += call(std::string(1, byte));
  EXPECT_EQ(out, record(body));
  EXPECT_EQ(count_, 1);
}

TEST_F(DenialFilterTest, DoesNotMistakeABackchannelCallForTheReply) {
  call(record(callHead() + words({1, 24})));
  const std::string callback = record(words({kXid, 0, 2, 0x40000000, 1, 1}));
  EXPECT_EQ(reply(callback), callback);
  EXPECT_EQ(reply(record(replyHead() + words({0, 0, 1, 24, 0}))),
            record(replyHead() + words({13, 0, 1, 24, 13})));
}

TEST_F(DenialFilterTest, PassesTruncatedCalls) {
  const std::string body = callHead() + word(2) + sequenceCall() + word(24);
  for (std::size_t length = 0; length < body.size(); ++length) {
    const std::string bytes = record(body.substr(0, length));
    EXPECT_EQ(call(bytes), bytes) << length;
  }
  EXPECT_EQ(count_, 0);
}

TEST_F(DenialFilterTest, EndsAtARecordBeyondTheLimit) {
  std::string out;
  EXPECT_TRUE(filter_.calls().feed(word(0x80000000U | (9U << 20U)), out));
  EXPECT_FALSE(filter_.calls().feed(std::string(9U << 20U, 'x'), out));
}

TEST(DenialFilter, DeniesHandlesWhereTheConnectionWasDeniedFromItsStart) {
  DenialFilter filter({[] { return true; }, true}, [] {});
  std::string out;
  ASSERT_TRUE(filter.calls().feed(
      record(callHead() + words({2, 22, 3}) + "hnd" + std::string(1, '\0') + word(10)), out));
  EXPECT_EQ(out, record(callHead() + words({1, 22, 3}) + "hnd" + std::string(1, '\0')));
}

}  // namespace
}  // namespace efs::simulator
