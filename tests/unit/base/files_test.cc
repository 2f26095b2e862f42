#include "efs/base/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "efs/base/remove_tree.h"
#include "efs/base/subprocess.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

using test_support::contentOf;
using test_support::TempDir;

mode_t modeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

TEST(ReadFile, ReadsUpToTheLimitAndNotAByteMore) {
  const TempDir dir;
  const std::string path = dir.write("f", std::string(40000, 'x'));
  EXPECT_EQ(readFile(path, 40000)->size(), 40000U);
  const auto longer = readFile(path, 39999);
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(longer.error().message(), "reading " + path + ": longer than 39999 bytes");
}

TEST(ReadFile, NamesAMissingFile) {
  const auto content = readFile("/nowhere/file");
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(content.error().message(), "opening /nowhere/file: No such file or directory");
}

TEST(WriteFileAtomic, ReplacesContentAndMode) {
  const TempDir dir;
  const std::string path = dir.at("f");
  ASSERT_TRUE(writeFileAtomic(path, "old", {.mode = 0600}).has_value());
  const mode_t before = ::umask(0077);
  ASSERT_TRUE(writeFileAtomic(path, "new", {.mode = 0644, .durable = true}).has_value());
  ::umask(before);
  EXPECT_EQ(contentOf(path), "new");
  EXPECT_EQ(modeOf(path), 0644U) << "whatever the umask";
  EXPECT_EQ(dir.entries(), std::vector<std::string>{"f"});
}

TEST(WriteFileAtomic, ReplacesALinkInsteadOfFollowingIt) {
  const TempDir dir;
  const std::string target = dir.write("target", "keep");
  ASSERT_EQ(::symlink(target.c_str(), dir.at("link").c_str()), 0);
  ASSERT_TRUE(writeFileAtomic(dir.at("link"), "new").has_value());
  EXPECT_EQ(contentOf(target), "keep");
  EXPECT_EQ(contentOf(dir.at("link")), "new");
}

TEST(WriteFileAtomic, LeavesNothingBehindWhenTheRenameFails) {
  const TempDir dir;
  ASSERT_TRUE(makeDirectories(dir.at("d/full"), 0755).has_value());
  const auto written = writeFileAtomic(dir.at("d"), "x");  // a directory stands there
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().message().find("writing " + dir.at("d")), 0U);
  EXPECT_EQ(dir.entries(), std::vector<std::string>{"d"});
}

TEST(WriteFileAtomic, KeepsTheOldFileWhenTheDiskIsFull) {
  const TempDir dir;
  const std::string path = dir.write("f", "old");
  // A file size limit stands for the full disk; in a child, because it cannot be raised again.
  auto child = Subprocess::fork([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const auto written = writeFileAtomic(path, std::string(5000, 'x'));
    return !written && written.error().osError() == EFBIG ? 0 : 1;
  });
  ASSERT_TRUE(child.has_value());
  const auto status = child->wait(Duration(10000));
  ASSERT_TRUE(status.has_value() && status->has_value());
  EXPECT_EQ((*status)->code, 0);
  EXPECT_EQ(contentOf(path), "old");
  EXPECT_EQ(dir.entries(), std::vector<std::string>{"f"});
}

TEST(WriteFileAtomic, FailsWithoutADirectory) {
  const auto written = writeFileAtomic("/nowhere/file", "x");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().kind(), ErrorKind::kNotFound);
}

TEST(MakeDirectories, GivesParents0755AndTheLeafItsMode) {
  const TempDir dir;
  const mode_t before = ::umask(0022);
  ASSERT_TRUE(makeDirectories(dir.at("a/b/c"), 0777).has_value());
  ::umask(before);
  EXPECT_EQ(modeOf(dir.at("a")), 0755U);
  EXPECT_EQ(modeOf(dir.at("a/b/c")), 0777U) << "whatever the umask";
  ASSERT_TRUE(makeDirectories(dir.at("a/b/c"), 0700).has_value());
  EXPECT_EQ(modeOf(dir.at("a/b/c")), 0777U) << "an existing one stays";
}

TEST(MakeDirectories, FailsWhereAFileStands) {
  const TempDir dir;
  const std::string path = dir.write("f", "");
  EXPECT_FALSE(makeDirectories(path, 0755).has_value());
  EXPECT_FALSE(makeDirectories(path + "/sub", 0755).has_value());
}

TEST(RemoveTree, RemovesEverythingButWhatLinksPointTo) {
  const TempDir dir;
  const std::string kept = dir.write("kept", "x");
  ASSERT_TRUE(makeDirectories(dir.at("t/a/b"), 0755).has_value());
  ASSERT_TRUE(writeFileAtomic(dir.at("t/a/b/f"), "x").has_value());
  ASSERT_EQ(::symlink(kept.c_str(), dir.at("t/link").c_str()), 0);
  ASSERT_EQ(::symlink(dir.path().c_str(), dir.at("t/a/up").c_str()), 0);
  ASSERT_TRUE(removeTree(dir.at("t")).has_value());
  EXPECT_EQ(dir.entries(), std::vector<std::string>{"kept"});
  EXPECT_TRUE(removeTree(dir.at("t")).has_value()) << "a missing one is success";
  EXPECT_TRUE(removeTree(dir.at("no/such/parent")).has_value());
}

TEST(RemoveFile, TakesAMissingFileForSuccessAndADirectoryForAnError) {
  const TempDir dir;
  const std::string path = dir.write("f", "");
  EXPECT_TRUE(fileExists(path));
  EXPECT_TRUE(removeFile(path).has_value());
  EXPECT_FALSE(fileExists(path));
  EXPECT_TRUE(removeFile(path).has_value());
  EXPECT_FALSE(removeFile(dir.path()).has_value());
}

}  // namespace
}  // namespace efs
