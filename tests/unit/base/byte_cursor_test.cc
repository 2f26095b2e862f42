#include "efs/base/byte_cursor.h"

#include <gtest/gtest.h>

#include <limits>

namespace efs {
namespace {

TEST(ByteCursor, ReadsBigEndian) {
  ByteCursor cursor(
      std::string_view("\x01\x02\x03\x04\x05\x06\x07\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF", 15));
  EXPECT_EQ(cursor.readU8(), 0x01);
  EXPECT_EQ(cursor.readU16(), 0x0203);
  EXPECT_EQ(cursor.readU32(), 0x04050607U);
  EXPECT_EQ(cursor.readU64(), 0xF8F9FAFBFCFDFEFFU);
  EXPECT_TRUE(cursor.atEnd());
}

TEST(ByteCursor, StaysWhereItWasAfterAFailure) {
  ByteCursor cursor("abc");
  EXPECT_FALSE(cursor.readU32().has_value());
  EXPECT_FALSE(cursor.readBytes(4).has_value());
  EXPECT_FALSE(cursor.skip(std::numeric_limits<std::size_t>::max()));
  EXPECT_EQ(cursor.position(), 0U);
  EXPECT_EQ(cursor.readBytes(3), "abc");
  EXPECT_EQ(cursor.readBytes(0), "");
  EXPECT_FALSE(cursor.readU8().has_value());
}

}  // namespace
}  // namespace efs
