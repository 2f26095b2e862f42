#include "efs/base/file_stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

TEST(FileStamp, IsOfOneFileAndItsContent) {
  const test_support::TempDir dir;
  const std::string path = dir.write("file", "old");
  const FileStamp before = FileStamp::of(path);
  EXPECT_TRUE(before.exists());
  EXPECT_EQ(before, FileStamp::of(path));
  EXPECT_TRUE(before.untouched(FileStamp::of(path)));
  ASSERT_TRUE(writeFileAtomic(path, "new"));
  EXPECT_NE(before, FileStamp::of(path)) << "another inode";
}

TEST(FileStamp, OfNoFileIsThatOfNoFile) {
  const test_support::TempDir dir;
  const FileStamp missing = FileStamp::of(dir.at("missing"));
  EXPECT_FALSE(missing.exists());
  EXPECT_EQ(missing, FileStamp());
  EXPECT_NE(missing, FileStamp::of(dir.write("empty", "")));
}

// A positive one needs a server: tests/integration/tunnel/tls_policy_test.py.
TEST(FileStamp, OfAFileThatIsHereAnswers) {
  const test_support::TempDir dir;
  for (const std::string& path :
       {dir.write("file", ""), dir.at("missing"), std::string("/proc/self/stat"), std::string(),
        std::string("."), std::string("///"), dir.at("../") + "x//y/../missing/"}) {
    EXPECT_FALSE(mayNotAnswer(path)) << path;
  }
}

TEST(FileStamp, OfALinkThatLeadsToItselfAnswers) {
  const test_support::TempDir dir;
  std::filesystem::create_symlink("loop", dir.at("loop"));
  EXPECT_FALSE(mayNotAnswer(dir.at("loop")));
}

// Whoever sets the time of a file back does not hide that he wrote it.
TEST(FileStamp, TellsATouchedFileByTheTimeThatNobodySets) {
  const test_support::TempDir dir;
  const std::string path = dir.write("file", "old");
  const FileStamp before = FileStamp::of(path);
  FileStamp after;
  // The kernel's clock for inodes ticks some hundred times a second.
  do {
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
    const timespec times[2] = {before.modified, before.modified};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    after = FileStamp::of(path);
  } while (before.untouched(after));
  EXPECT_EQ(before, after);
  EXPECT_EQ(after.mode, 0640U);
}

}  // namespace
}  // namespace efs
