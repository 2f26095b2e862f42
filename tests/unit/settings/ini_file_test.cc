#include "efs/settings/ini_file.h"

#include <gtest/gtest.h>

#include "efs/test_support/temp_dir.h"

namespace efs::settings {
namespace {

// The value, "<none>" when there is none, or "error: ..." for any failure.
std::string valueIn(std::string_view text, const std::string& section, std::string_view key) {
  const auto file = IniFile::parse(text, "test.conf");
  if (!file) return "error: " + file.error().message();
  const auto value = file->find(section, key);
  if (!value) return "error: " + value.error().message();
  return value->value_or("<none>");
}

std::string failureOf(std::string_view text) {
  const auto file = IniFile::parse(text, "test.conf");
  return file ? "parsed" : file.error().message();
}

TEST(IniFile, SplitsAtTheFirstEqualsSignOrColon) {
  EXPECT_EQ(valueIn("[a]\nk = v=w:x\n", "a", "k"), "v=w:x");
  EXPECT_EQ(valueIn("[a]\nk: v=w\n", "a", "k"), "v=w");
  EXPECT_EQ(valueIn("[a]\nk=\n", "a", "k"), "");
}

TEST(IniFile, IgnoresTheCaseOfKeysButNotOfSections) {
  EXPECT_EQ(valueIn("[Mount]\nKeY = v\n", "Mount", "kEy"), "v");
  EXPECT_EQ(valueIn("[Mount]\nkey = v\n", "mount", "key"), "<none>");
}

TEST(IniFile, TakesCommentsOnlyAtTheStartOfALine) {
  EXPECT_EQ(valueIn("# c\n[a]\n  ; c\nk = v ; not a comment # neither\n", "a", "k"),
            "v ; not a comment # neither");
}

TEST(IniFile, JoinsIndentedLinesToTheValueAbove) {
  EXPECT_EQ(valueIn("[a]\nk = 1\n  2\n\t3\nj = 4\n", "a", "k"), "1\n2\n3");
  EXPECT_EQ(valueIn("[a]\nk = 1\n  2\n\t3\nj = 4\n", "a", "j"), "4");
  EXPECT_EQ(valueIn("[a]\nk = 1\n\n  2\n\n\n", "a", "k"), "1\n\n2");
  EXPECT_EQ(valueIn("[a]\nk = 1\n  # comment\n  2\n", "a", "k"), "1\n2");
}

TEST(IniFile, SeesDefaultValuesInEverySection) {
  const char* text = "[DEFAULT]\nk = d\nj = e\n[a]\nk = v\n[b]\n[DEFAULT]\nl = m\n";
  EXPECT_EQ(valueIn(text, "a", "k"), "v");
  EXPECT_EQ(valueIn(text, "b", "k"), "d");
  EXPECT_EQ(valueIn(text, "missing", "j"), "e");
  EXPECT_EQ(valueIn(text, "a", "l"), "m");
}

TEST(IniFile, KnowsSectionsWithoutKeys) {
  const auto file = IniFile::parse("[a]\n[proxy]\n[DEFAULT]\n", "test.conf");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->hasSection("proxy"));
  EXPECT_FALSE(file->hasSection("DEFAULT"));
  EXPECT_EQ(file->sections(), (std::vector<std::string>{"a", "proxy"}));
}

TEST(IniFile, NamesFileLineAndCauseOfAnError) {
  EXPECT_EQ(failureOf("[a]\nk = 1\nK = 2\n"), "test.conf: line 3: key \"k\" appears twice in [a]");
  EXPECT_EQ(failureOf("[a]\n[b]\n[a]\n"), "test.conf: line 3: section [a] appears twice");
  EXPECT_EQ(failureOf("\nk = 1\n"), "test.conf: line 2: no section header before this line");
  EXPECT_EQ(failureOf("[a]\nwhat is this\n"), "test.conf: line 2: expected \"key = value\"");
  EXPECT_EQ(failureOf("[a]\n= 1\n"), "test.conf: line 2: expected \"key = value\"");
  EXPECT_EQ(failureOf(std::string_view("[a]\nk = \0\n", 10)), "test.conf: line 2: NUL character");
}

TEST(IniFile, AcceptsOneKeyInTwoSections) {
  EXPECT_EQ(valueIn("[a]\nk = 1\n[b]\nk = 2\n", "b", "k"), "2");
}

TEST(IniFile, KnowsNoLimitOfInih) {
  const std::string section(300, 's');
  const std::string key(300, 'k');
  EXPECT_EQ(valueIn("[" + section + "]\n" + key + " = v\n", section, key), "v");
  EXPECT_EQ(valueIn("[a]\nk ;x = v\n[x = y\n", "a", "k ;x"), "v");
  EXPECT_EQ(valueIn("[a]\nk ;x = v\n[x = y\n", "a", "[x"), "y");
  EXPECT_EQ(valueIn("[a]b] (retired)\nk = v\n", "a]b", "k"), "v");
}

TEST(IniFile, KeepsLongValuesWhole) {
  const std::string value(70000, 'v');
  EXPECT_EQ(valueIn("[a]\nk = " + value + "\n", "a", "k"), value);
}

TEST(IniFile, ReadsEveryKindOfLineEnd) {
  EXPECT_EQ(valueIn("[a]\r\nk = v\r\nj = w", "a", "j"), "w");
  EXPECT_EQ(valueIn("[a]\rk = v\rj = w\r", "a", "k"), "v");
}

TEST(IniFile, KnowsTheBlanksOfUnicode) {
  EXPECT_EQ(valueIn("[a]\n\xC2\xA0k\xE3\x80\x80=\xE2\x80\x89v\xC2\x85\n", "a", "k"), "v");
  // One character of indentation, however many bytes it has.
  EXPECT_EQ(valueIn("[a]\n k = v\n\xE3\x80\x80j = w\n", "a", "j"), "w");
}

TEST(IniFile, Interpolates) {
  const char* text = "[DEFAULT]\nbase = /x\n[a]\ndir = %(BASE)s/%(leaf)s\nleaf = l\npct = 5%%\n";
  EXPECT_EQ(valueIn(text, "a", "dir"), "/x/l");
  EXPECT_EQ(valueIn(text, "a", "pct"), "5%");
  EXPECT_EQ(valueIn("[a]\nx = %(y)s\ny = %(z)s\nz = 100%%\n", "a", "x"), "100%");
}

TEST(IniFile, ReportsBadInterpolationOnlyForTheKeyThatHasIt) {
  const char* text = "[a]\nbad = 5%\nworse = %(nothing)s\nloop = %(loop)s\ngood = v\nlast = %";
  EXPECT_EQ(valueIn(text, "a", "good"), "v");
  EXPECT_EQ(valueIn(text, "a", "bad"),
            "error: test.conf: [a] bad: \"%\" must be followed by \"%\" or \"(name)s\"");
  EXPECT_EQ(valueIn(text, "a", "worse"), "error: test.conf: [a] worse: %(nothing)s names no key");
  EXPECT_EQ(valueIn(text, "a", "loop"), "error: test.conf: [a] loop: %(...)s is nested too deeply");
  EXPECT_NE(valueIn(text, "a", "last").find("error"), std::string::npos);
}

TEST(IniFile, BoundsAnExpansionThatExplodes) {
  std::string text = "[a]\nk0 = x\n";
  for (int i = 1; i < 10; ++i) {
    text += "k" + std::to_string(i) + " =";
    for (int j = 0; j < 50; ++j) text += " %(k" + std::to_string(i - 1) + ")s";
    text += "\n";
  }
  EXPECT_EQ(valueIn(text, "a", "k9"), "error: test.conf: [a] k9: too many %(...)s");
}

TEST(IniFile, TreatsAMissingFileAsEmpty) {
  const test_support::TempDir dir;
  const auto file = IniFile::load(dir.at("absent.conf"));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->sections().empty());
}

TEST(IniFile, ReportsAFileThatCannotBeRead) {
  const test_support::TempDir dir;
  const auto file = IniFile::load(dir.path());  // a directory
  ASSERT_FALSE(file.has_value());
  EXPECT_NE(file.error().message().find(dir.path()), std::string::npos);
}

}  // namespace
}  // namespace efs::settings
