#include "der_reader.h"

#include <gtest/gtest.h>

namespace efs::simulator {
namespace {

using namespace std::string_view_literals;

TEST(DerReader, ReadsElementsOneByOne) {
  DerReader reader("\x02\x01\x07\x0c\x02hi"sv);
  const auto number = reader.next(tag::kInteger);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->value, "\x07"sv);
  EXPECT_FALSE(reader.next(tag::kInteger));
  const auto text = reader.next(tag::kUtf8String);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->value, "hi"sv);
  EXPECT_EQ(text->whole, "\x0c\x02hi"sv);
  EXPECT_TRUE(reader.atEnd());
}

TEST(DerReader, ReadsTheShortestLongLength) {
  const std::string content(0x80, 'x');
  const std::string encoded = "\x04\x81\x80" + content;
  DerReader reader(encoded);
  const auto element = reader.next();
  ASSERT_TRUE(element);
  EXPECT_EQ(element->value, content);
}

TEST(DerReader, RejectsLengthsThatAreNotTheShortest) {
  EXPECT_FALSE(DerReader("\x04\x81\x01x"sv).next());
  EXPECT_FALSE(DerReader("\x04\x82\x00\x01x"sv).next());
  EXPECT_FALSE(DerReader("\x04\x82\x00\x80"sv).next());
}

TEST(DerReader, RejectsIndefiniteLengthsLongTagsAndTruncation) {
  EXPECT_FALSE(DerReader("\x30\x80\x00\x00"sv).next());
  EXPECT_FALSE(DerReader("\x1f\x81\x01\x00"sv).next());
  EXPECT_FALSE(DerReader("\x04\x02x"sv).next());
  EXPECT_FALSE(DerReader("\x04\x84\xff\xff\xff\xff"sv).next());
  EXPECT_FALSE(DerReader("\x04"sv).next());
  EXPECT_FALSE(DerReader(""sv).next());
}

}  // namespace
}  // namespace efs::simulator
