#include "efs/aws/profile_file.h"

#include <gtest/gtest.h>

#include <ctime>

namespace efs::aws {
namespace {

std::string valueOf(const ProfileFile& file, const std::string& section, const std::string& key) {
  const Secret* value = file.find(section, key);
  return value == nullptr ? "<none>" : std::string(value->reveal());
}

// CRED-3, CRED-9
TEST(ProfileFile, ReadsSectionsAndKeys) {
  const auto file = ProfileFile::parse(
      "# comment\r\n"
      "; another\n"
      "[default]\r\n"
      "AWS_Access_Key_Id = AKIA\r\n"
      "aws_secret_access_key=a=b:c#d;e\n"
      "\n"
      "[profile two] # rest\n"
      "region: eu-west-1\n"
      "[ spaced ]\n",
      "f");
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(valueOf(file, "default", "aws_access_key_id"), "AKIA");
  EXPECT_EQ(valueOf(file, "default", "aws_secret_access_key"), "a=b:c#d;e");
  EXPECT_EQ(valueOf(file, "profile two", "region"), "eu-west-1");
  EXPECT_EQ(valueOf(file, "two", "region"), "<none>");
  EXPECT_TRUE(file.hasSection(" spaced "));
  EXPECT_FALSE(file.hasSection("spaced"));
  EXPECT_EQ(file.sections(), (std::vector<std::string>{"default", "profile two", " spaced "}));
}

TEST(ProfileFile, AcceptsIndentedKeysAndNestedSettings) {
  const auto file = ProfileFile::parse(
      "[a]\n"
      "  aws_access_key_id = AKIA\n"
      "  s3 =\n"
      "    max_concurrent_requests = 20\n"
      "    # comment\n"
      "    max_queue_size = 10\n"
      "  region = x\n"
      "[b]\n",
      "f");
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(valueOf(file, "a", "aws_access_key_id"), "AKIA");
  EXPECT_EQ(valueOf(file, "a", "s3"), "\nmax_concurrent_requests = 20\nmax_queue_size = 10");
  EXPECT_EQ(valueOf(file, "a", "region"), "x");
  EXPECT_TRUE(file.hasSection("b"));
}

TEST(ProfileFile, AcceptsAnEmptyFileAndAByteOrderMark) {
  EXPECT_TRUE(ProfileFile::parse("", "f").sections().empty());
  EXPECT_EQ(valueOf(ProfileFile::parse("\xEF\xBB\xBF[a]\nk=v", "f"), "a", "k"), "v");
}

// botocore reads on; what was refused here ended every mount of the host.
TEST(ProfileFile, AHeaderEndsAtItsLastBracketAndTheRestIsIgnored) {
  const auto file = ProfileFile::parse(
      "[profile old] (retired)\nk=1\r[b]c] # d\nk=2\r\n[[e]\nk=3\n  [f] g\nj=4\n", "f");
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(valueOf(file, "profile old", "k"), "1");
  EXPECT_EQ(valueOf(file, "b]c", "k"), "2");
  EXPECT_EQ(valueOf(file, "[e", "k"), "3\n[f] g");
}

TEST(ProfileFile, KeysOfTheDefaultSectionAreSeenEverywhere) {
  const auto file =
      ProfileFile::parse("[DEFAULT]\nregion=x\n[a]\n[b]\nregion=y\n[DEFAULT]\nk=v\n", "f");
  EXPECT_EQ(valueOf(file, "a", "region"), "x");
  EXPECT_EQ(valueOf(file, "b", "region"), "y");
  EXPECT_EQ(valueOf(file, "b", "k"), "v");
  EXPECT_EQ(valueOf(file, "c", "region"), "<none>");
  EXPECT_EQ(file.sections(), (std::vector<std::string>{"a", "b"}));
}

TEST(ProfileFile, AMistakeSpoilsItsOwnSectionOnly) {
  const auto file = ProfileFile::parse("x = 1\n[a]\nnonsense\n[b]\nk = v\n", "f");
  EXPECT_EQ(file.problems().size(), 2U);
  EXPECT_EQ(*file.problemOf("a"), "f: line 3: neither a [section] header nor \"key = value\"");
  EXPECT_EQ(file.problemOf("b"), nullptr);
  EXPECT_EQ(valueOf(file, "b", "k"), "v");
  // One of [DEFAULT] may mean any section.
  EXPECT_NE(ProfileFile::parse("[DEFAULT]\nnonsense\n[b]\n", "f").problemOf("b"), nullptr);
  // Keys of credentials without a header were meant for [default].
  EXPECT_NE(ProfileFile::parse("aws_access_key_id = A\n", "f").problemOf("default"), nullptr);
  EXPECT_EQ(ProfileFile::parse("\nx = 1\n[default]\n", "f").problemOf("default"), nullptr);
}

TEST(ProfileFile, NamesTheLineOfAMistakeAndNeverShowsIt) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"hush = 1\n", "f: line 1: text before the first [section] header"},
      {"[a]\nhush\n", "f: line 2: neither a [section] header nor \"key = value\""},
      {"[a]\n= hush\n", "f: line 2: neither a [section] header nor \"key = value\""},
      {"[a\n", "f: line 1: not a [section] header"},
      {"[]\n", "f: line 1: not a [section] header"},
      {"[a]\n[b\n", "f: line 2: not a [section] header"},
      {"[a]\n\n[a]\n", "f: line 3: section [a] appears twice"},
      {"[a]\nhush=1\nHUSH=2\n", "f: line 3: the key appears twice in its section"},
      {std::string("[a]\nk=\0\n", 8), "f: line 2: contains a NUL byte"},
  };
  for (const auto& [text, message] : cases) {
    const auto file = ProfileFile::parse(text, "f");
    ASSERT_FALSE(file.problems().empty()) << text;
    EXPECT_EQ(file.problems().front(), message);
  }
}

TEST(ProfileFile, AbsentFileIsNotFound) {
  EXPECT_EQ(ProfileFile::load("/nonexistent/credentials").error().kind(), ErrorKind::kNotFound);
}

// A file of the greatest size that is read: a value continued line by line must not cost its
// square.
TEST(ProfileFile, ManyContinuationLinesAreReadInLinearTime) {
  std::string text = "[a]\nk=1\n";
  while (text.size() < std::size_t{1} << 20U) text += " x\n";
  const std::clock_t begin = std::clock();  // of the processor: the machine may be busy
  const auto file = ProfileFile::parse(text, "f");
  EXPECT_EQ(file.find("a", "k")->reveal().substr(0, 5), "1\nx\nx");
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 5);
}

}  // namespace
}  // namespace efs::aws
