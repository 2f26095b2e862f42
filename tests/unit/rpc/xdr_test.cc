#include "efs/rpc/xdr.h"

#include <gtest/gtest.h>

namespace efs::rpc {
namespace {

using namespace std::string_literals;

// RFC 4506 section 7: the file structure of the example.
TEST(XdrWriter, WritesTheExampleOfTheRfc) {
  XdrWriter out;
  out.opaque("sillyprog");
  out.u32(2);
  out.opaque("lisp");
  out.opaque("john");
  out.opaque("(quit)");
  EXPECT_EQ(out.bytes(),
            "\0\0\0\x09sillyprog\0\0\0\0\0\0\x02\0\0\0\x04lisp\0\0\0\x04john\0\0\0\x06(quit)\0\0"s);
}

TEST(XdrWriter, WritesBigEndianNumbers) {
  XdrWriter out;
  out.u32(0x01020304);
  out.u64(0x0102030405060708);
  out.boolean(true);
  EXPECT_EQ(out.bytes(), "\1\2\3\4\1\2\3\4\5\6\7\x08\0\0\0\1"s);
}

TEST(XdrReader, ReadsBackWhatTheWriterWrote) {
  XdrWriter out;
  out.u32(0xfffffffe);
  out.u64(0xfffffffffffffffd);
  out.boolean(false);
  out.opaque("12345");
  out.fixed("abc");
  out.opaque("");
  XdrReader in(out.bytes());
  EXPECT_EQ(in.u32(), 0xfffffffeU);
  EXPECT_EQ(in.u64(), 0xfffffffffffffffdU);
  EXPECT_FALSE(in.boolean());
  EXPECT_EQ(in.opaque(5), "12345");
  EXPECT_EQ(in.fixed(3), "abc");
  EXPECT_EQ(in.opaque(0), "");
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0U);
}

TEST(XdrReader, RemembersTheFirstFailure) {
  XdrReader in("\0\0\0"s);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.fixed(1), "");
  EXPECT_FALSE(in.ok());
}

TEST(XdrReader, RefusesLengthsAboveTheLimitAndBeyondTheEnd) {
  const auto huge = "\xff\xff\xff\xff"s + "abcd";
  XdrReader above(huge);
  EXPECT_EQ(above.opaque(4), "");
  EXPECT_FALSE(above.ok());
  XdrReader beyond(huge);
  EXPECT_EQ(beyond.opaque(0xffffffff), "");
  EXPECT_FALSE(beyond.ok());
}

TEST(XdrReader, DemandsThePadding) {
  const auto bytes = "\0\0\0\x01x\0\0"s;
  XdrReader in(bytes);
  EXPECT_EQ(in.opaque(10), "");
  EXPECT_FALSE(in.ok());
}

// RFC 4506 section 4.4: a bool is an enum of 0 and 1.
TEST(XdrReader, RefusesABooleanThatIsNone) {
  const auto bytes = "\0\0\0\x02"s;
  XdrReader in(bytes);
  EXPECT_FALSE(in.boolean());
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace efs::rpc
