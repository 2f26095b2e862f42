#include "efs/base/programs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/subprocess.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

class Programs : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"a", "b"}) ASSERT_TRUE(makeDirectories(dir.at(folder), 0755));
  }
  std::string file(const std::string& name, mode_t mode) const {
    const std::string path = dir.write(name, "");
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  test_support::TempDir dir;
};

TEST_F(Programs, AreRegularFilesThatMayBeExecuted) {
  const std::string program = file("a/tool", 0755);
  EXPECT_TRUE(isProgram(program));
  EXPECT_FALSE(isProgram(file("a/text", 0644)));
  EXPECT_FALSE(isProgram(dir.at("a"))) << "a directory has the bit, too";
  EXPECT_FALSE(isProgram(dir.at("nothing")));
  ASSERT_EQ(::symlink(program.c_str(), dir.at("b/link").c_str()), 0);
  EXPECT_TRUE(isProgram(dir.at("b/link")));
}

TEST_F(Programs, AreFoundInTheFirstDirectoryThatHasOne) {
  (void)file("a/tool", 0644);
  const std::string second = file("b/tool", 0755);
  EXPECT_EQ(findProgram("tool", dir.at("a") + ":" + dir.at("b")), second);
  EXPECT_EQ(findProgram("tool", dir.at("a")), "");
  EXPECT_EQ(findProgram("tool", ""), "");
}

TEST_F(Programs, AreNotLookedForWhereTheCallerHappensToStand) {
  (void)file("b/tool", 0755);
  const std::string before = std::filesystem::current_path();
  ASSERT_EQ(::chdir(dir.path().c_str()), 0);
  EXPECT_EQ(findProgram("tool", ":b:./b"), "");
  ASSERT_EQ(::chdir(before.c_str()), 0);
}

// In a child of its own: the wish to stop stays for the life of a process.
TEST_F(Programs, AreNotCalledMissingByALookThatASignalEnded) {
  const std::string tool = file("a/tool", 0755);
  auto child = Subprocess::fork([this, &tool] {
    const auto found = findUsersProgram("tool", dir.at("a"));
    if (!found || *found != tool) return 1;
    catchInterrupts();
    ::raise(SIGTERM);
    const auto ended = findUsersProgram("tool", dir.at("a"));
    return !ended && ended.error().describe() == interruptedError().describe() ? 0 : 2;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait(Duration(20000));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 0);
}

}  // namespace
}  // namespace efs
