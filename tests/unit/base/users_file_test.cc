// What a child with a deadline tells is what a look of one's own would tell. Silent file systems:
// integration/mount_helper/silent_paths_test.py.
#include "efs/base/users_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

TEST(UsersFile, MayBeLongerThanAPipe) {
  const test_support::TempDir dir;
  const std::string content(300000, 'x');
  const auto read = readUsersFile(dir.write("long", content));
  ASSERT_TRUE(read);
  EXPECT_TRUE(*read == content);
  EXPECT_EQ(readUsersFile(dir.at("long"), 1000).error().kind(), ErrorKind::kInvalidInput);
}

TEST(UsersFile, ThatCannotBeReadIsTheErrorOfWhoeverReadsItHimself) {
  const test_support::TempDir dir;
  ASSERT_EQ(::mkfifo(dir.at("pipe").c_str(), 0600), 0);
  for (const std::string& path :
       {dir.at("absent"), dir.write("file", "") + "/below", dir.path(), dir.at("pipe")}) {
    const auto own = readRegularFile(path);
    const auto asked = readUsersFile(path);
    ASSERT_FALSE(own || asked) << path;
    EXPECT_EQ(asked.error().describe(), own.error().describe());
    EXPECT_EQ(asked.error().kind(), own.error().kind());
    EXPECT_EQ(asked.error().osError(), own.error().osError());
  }
  EXPECT_EQ(readUsersFile(dir.at("absent")).error().osError(), ENOENT);
}

TEST(UsersFile, IsWrittenAsAWhole) {
  const test_support::TempDir dir;
  ASSERT_TRUE(writeUsersFile(dir.at("made"), "text", {.mode = 0640}));
  EXPECT_EQ(test_support::contentOf(dir.at("made")), "text");
  struct stat info {};
  ASSERT_EQ(::stat(dir.at("made").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  const auto failed = writeUsersFile(dir.at("no/such/folder"), "text", {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind(), ErrorKind::kNotFound);
}

TEST(UsersPath, IsThereOrNot) {
  const test_support::TempDir dir;
  EXPECT_EQ(usersPathExists(dir.path()).value_or(false), true);
  EXPECT_EQ(usersPathExists(dir.at("absent")).value_or(true), false);
  EXPECT_TRUE(usersPathAnswers(dir.at("absent")));
}

}  // namespace
}  // namespace efs
