#include "efs/base/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"

namespace efs {
namespace {

TEST(MatchesAny, KnowsNamesAndBeginnings) {
  EXPECT_TRUE(matchesAny("AWS_PROFILE", {"X", "AWS_*"}));
  EXPECT_TRUE(matchesAny("X", {"X"}));
  EXPECT_FALSE(matchesAny("XY", {"X"}));
  EXPECT_FALSE(matchesAny("MY_AWS_PROFILE", {"AWS_*"}));
  EXPECT_FALSE(matchesAny("X", {}));
}

bool shows(const std::string& block, std::string_view beginning) {
  const auto entries = split(block, '\0');
  return std::any_of(entries.begin(), entries.end(),
                     [&](const auto& entry) { return entry.starts_with(beginning); });
}

// In a child, because the test's own environment is that of all tests.
TEST(TakeVariables, LeavesNothingInTheEnvironmentNorInProc) {
  ASSERT_EQ(::setenv("EFS_TEST_BEFORE", "1", 1), 0);
  auto child = Subprocess::fork([] {
    const Variables taken = takeVariables({"HOME", "PATH", "EFS_TEST_*"});
    const auto own = readFile("/proc/self/environ");
    const bool gone = own && !shows(*own, "PATH=") && !shows(*own, "HOME=") &&
                      !environmentVariable("PATH") && !environmentVariable("EFS_TEST_BEFORE");
    if (!gone || taken.at("EFS_TEST_BEFORE") != "1" || taken.count("PATH") != 1) return 1;
    setVariables({{"PATH", "/new"}});
    return environmentVariable("PATH") == "/new" ? 0 : 2;
  });
  ::unsetenv("EFS_TEST_BEFORE");
  ASSERT_TRUE(child);
  const auto ended = child->wait(Duration(10000));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 0);
}

// execve(2) takes any list, also one that names a variable twice; getenv(3) finds the first.
TEST(TakeVariables, WipesAVariableThatIsThereTwice) {
  auto child = Subprocess::fork([] {
    std::string first = "EFS_TEST_TWICE=one";
    std::string second = "EFS_TEST_TWICE=two";
    std::string other = "EFS_TEST_OTHER=three";
    std::array<char*, 4> entries{first.data(), second.data(), other.data(), nullptr};
    environ = entries.data();
    const Variables taken = takeVariables({"EFS_TEST_TWICE"});
    if (taken != Variables{{"EFS_TEST_TWICE", "one"}}) return 1;
    if (environmentVariable("EFS_TEST_OTHER") != "three") return 2;
    const bool wiped = first.find("one") == first.npos && second.find("two") == second.npos;
    return wiped ? 0 : 3;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait(Duration(10000));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 0);
}

TEST(ProxyUser, IsLeftOut) {
  EXPECT_EQ(withoutProxyUser("http://proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(withoutProxyUser("http://u:p@proxy:3128/"), "http://proxy:3128/");
  EXPECT_EQ(withoutProxyUser("u:p@proxy:3128"), "proxy:3128");
  EXPECT_EQ(withoutProxyUser("http://u:p@ss/w@proxy"), "http://proxy");
  EXPECT_EQ(withoutProxyUser("u://p@proxy"), "u://proxy");
  // What stands before "://" is a scheme only where it looks like one.
  EXPECT_EQ(withoutProxyUser("joe:se://cret@proxy:3128"), "proxy:3128");
  EXPECT_EQ(withoutProxyUser("http://joe:se://cret@proxy"), "http://proxy");
  EXPECT_EQ(withoutProxyUser("//joe:secret@proxy"), "proxy");
  EXPECT_EQ(withoutProxyUser(""), "");
}

}  // namespace
}  // namespace efs
