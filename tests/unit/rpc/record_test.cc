#include "efs/rpc/record.h"

#include <gtest/gtest.h>

#include <vector>

namespace efs::rpc {
namespace {

using namespace std::string_literals;

std::string fragment(std::string_view payload, bool last) {
  auto bytes = wrapRecord(payload);
  if (!last) bytes[0] = static_cast<char>(static_cast<unsigned char>(bytes[0]) & 0x7fU);
  return bytes;
}

// Feeds in pieces of `step` bytes; the records seen, or the error's message.
std::vector<std::string> readAll(std::string_view stream, std::size_t step,
                                 RecordLimits limits = {}) {
  RecordReader reader(limits);
  std::vector<std::string> records;
  while (!stream.empty()) {
    const auto piece = stream.substr(0, step);
    const auto taken = reader.feed(piece);
    if (!taken) return {taken.error().message()};
    if (reader.complete()) records.emplace_back(reader.record());
    stream.remove_prefix(*taken);
  }
  return records;
}

// RFC 5531 section 11
TEST(RecordMark, KeepsTheTopBitForLast) {
  EXPECT_EQ((RecordMark{5, true}.encode()), 0x80000005U);
  EXPECT_EQ((RecordMark{5, false}.encode()), 5U);
  EXPECT_TRUE(RecordMark::decode(0x80000005U).last);
  EXPECT_EQ(RecordMark::decode(0xffffffffU).length, 0x7fffffffU);
  EXPECT_EQ(wrapRecord("abc"), "\x80\0\0\x03"s + "abc");
}

TEST(RecordReader, ReadsRecordsHoweverTheStreamIsCut) {
  const auto stream = wrapRecord("first") + fragment("sec", false) + fragment("o", false) +
                      fragment("nd", true) + wrapRecord("third!");
  const std::vector<std::string> expected = {"first", "second", "third!"};
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    EXPECT_EQ(readAll(stream, step), expected) << step;
  }
}

TEST(RecordReader, StopsAtTheEndOfARecord) {
  RecordReader reader;
  const auto stream = wrapRecord("one") + wrapRecord("two");
  EXPECT_EQ(reader.feed(stream).value(), 7U);
  EXPECT_TRUE(reader.complete());
  EXPECT_TRUE(reader.betweenRecords());
  EXPECT_EQ(reader.record(), "one");
  EXPECT_EQ(reader.feed(std::string_view(stream).substr(7, 2)).value(), 2U);
  EXPECT_FALSE(reader.complete());
  EXPECT_FALSE(reader.betweenRecords());
}

TEST(RecordReader, KnowsAStreamThatEndedInsideARecord) {
  RecordReader reader;
  ASSERT_TRUE(reader.feed(fragment("half", false)));
  EXPECT_FALSE(reader.complete());
  EXPECT_FALSE(reader.betweenRecords());
}

TEST(RecordReader, EmptyRecordIsARecord) {
  EXPECT_EQ(readAll(wrapRecord("") + wrapRecord("x"), 3), (std::vector<std::string>{"", "x"}));
  EXPECT_EQ(readAll(fragment("ab", false) + fragment("", true), 4), std::vector<std::string>{"ab"});
}

// TUN-13: upstream's process ended on such a fragment; here only the connection ends.
TEST(RecordReader, RejectsFragmentLongerThanLimit) {
  const RecordLimits limits{4, 100};
  EXPECT_EQ(readAll(wrapRecord("1234"), 8, limits), std::vector<std::string>{"1234"});
  EXPECT_EQ(readAll(wrapRecord("12345"), 8, limits),
            std::vector<std::string>{"RPC fragment of 5 bytes, the limit is 4"});
  EXPECT_EQ(readAll("\xff\xff\xff\xff"s, 1),
            std::vector<std::string>{"RPC fragment of 2147483647 bytes, the limit is 1052672"});
}

// TUN-13: the limit is 1 MiB and 4 KiB.
TEST(RecordReader, AcceptsTheLargestNfsWrite) {
  const std::string largest((1U << 20U) + 4096, 'x');
  EXPECT_EQ(readAll(wrapRecord(largest), 65536).front().size(), largest.size());
}

TEST(RecordReader, RejectsARecordOfEndlessFragments) {
  std::string stream;
  for (int i = 0; i < 10; ++i) stream += fragment("1234", false);
  EXPECT_EQ(readAll(stream, 8, {4, 16}),
            std::vector<std::string>{"RPC record longer than 16 bytes"});
  EXPECT_EQ(readAll(fragment("", false), 4),
            std::vector<std::string>{"empty RPC fragment inside a record"});
}

TEST(RecordTracker, TellsMarksFromPayload) {
  RecordTracker tracker;
  const auto stream = wrapRecord("abcd");
  auto step = tracker.advance(stream);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->bytes, kMarkSize);
  EXPECT_FALSE(step->payload);
  EXPECT_EQ(tracker.fragmentLeft(), 4U);
  step = tracker.advance(std::string_view(stream).substr(4, 3));
  EXPECT_EQ(step->bytes, 3U);
  EXPECT_TRUE(step->payload);
  EXPECT_FALSE(step->record_ended);
  step = tracker.advance("dEFG");
  EXPECT_EQ(step->bytes, 1U);
  EXPECT_TRUE(step->record_ended);
  EXPECT_TRUE(tracker.betweenRecords());
}

}  // namespace
}  // namespace efs::rpc
