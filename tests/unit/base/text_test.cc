#include "efs/base/text.h"

#include <gtest/gtest.h>

namespace efs {
namespace {

TEST(Text, SplitKeepsEmptyFields) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(split(",", ','), (std::vector<std::string>{"", ""}));
}

TEST(Text, TrimTakesBlanksOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n\t "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, ToLowerLeavesOtherBytesAlone) { EXPECT_EQ(toLower("AZaz09\xC3\x84"), "azaz09\xC3\x84"); }

TEST(Text, JoinPutsSeparatorsBetween) {
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"same", "same"}, "+"), "same+same");
}

TEST(Text, ReplaceAllDoesNotLookAtItsOwnWork) {
  EXPECT_EQ(replaceAll("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(replaceAll("{fs_id}/{fs_id}", "{fs_id}", "fs-1"), "fs-1/fs-1");
  EXPECT_EQ(replaceAll("abc", "x", "y"), "abc");
}

TEST(Text, ParseIntTakesPlainDecimalsOnly) {
  EXPECT_EQ(parseInt("0"), 0);
  EXPECT_EQ(parseInt("-12"), -12);
  EXPECT_EQ(parseInt("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", " 1", "1 ", "+1", "0x1", "1.0", "1e3", "-", "9223372036854775808"}) {
    EXPECT_FALSE(parseInt(text).has_value()) << text;
  }
}

TEST(Text, HexIsLowerCase) { EXPECT_EQ(hex(std::string_view("\x00\x1f\xff", 3)), "001fff"); }

TEST(Text, PrintableIsShortAndHarmless) {
  EXPECT_EQ(printable("a\nb\x1B[31m\xFF"), "a?b?[31m?");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

// The values of the algorithm's authors: names must not change with a version.
TEST(ShortName, IsFnv1a) {
  EXPECT_EQ(shortName(""), "cbf29ce484222325");
  EXPECT_EQ(shortName("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(shortName("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace efs
