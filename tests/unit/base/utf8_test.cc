#include "efs/base/utf8.h"

#include <gtest/gtest.h>

namespace efs {
namespace {

TEST(IsUtf8, AcceptsOnlyWellFormedText) {
  EXPECT_TRUE(isUtf8(""));
  EXPECT_TRUE(isUtf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  EXPECT_FALSE(isUtf8("\xC3"));              // cut
  EXPECT_FALSE(isUtf8("\x80"));              // continuation first
  EXPECT_FALSE(isUtf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(isUtf8("\xE0\x80\xAF"));      // overlong
  EXPECT_FALSE(isUtf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(isUtf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(isUtf8("\xFF"));
}

}  // namespace
}  // namespace efs
