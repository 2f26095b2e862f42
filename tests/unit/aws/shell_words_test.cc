#include "shell_words.h"

#include <gtest/gtest.h>

namespace efs::aws {
namespace {

using Words = std::vector<std::string>;

TEST(ShellWords, SplitsAsAShellDoes) {
  EXPECT_EQ(splitShellWords("  a  b\tc ").value(), (Words{"a", "b", "c"}));
  EXPECT_EQ(splitShellWords(R"('a b'c "d e" f\ g "" '')").value(),
            (Words{"a bc", "d e", "f g", "", ""}));
  EXPECT_EQ(splitShellWords(R"("a\"b\n\\" 'c\d' \')").value(), (Words{"a\"b\\n\\", "c\\d", "'"}));
  EXPECT_TRUE(splitShellWords(" ")->empty());
  // As Python's shlex, which botocore uses, and unlike a shell: no expansion, no escape for it.
  EXPECT_EQ(splitShellWords(R"("\$x \`y")").value(), (Words{R"(\$x \`y)"}));
}

TEST(ShellWords, ExpandsNothing) {
  EXPECT_EQ(splitShellWords("$HOME `id` $(id) * ~ ; | >x").value(),
            (Words{"$HOME", "`id`", "$(id)", "*", "~", ";", "|", ">x"}));
}

TEST(ShellWords, RefusesWhatIsNotClosed) {
  for (const char* text : {"'a", "\"a", "a\\", "\"a\\"}) {
    EXPECT_FALSE(splitShellWords(text)) << text;
  }
}

}  // namespace
}  // namespace efs::aws
