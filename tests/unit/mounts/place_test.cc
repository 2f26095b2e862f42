// A FUSE file system whose server never answers stands for a hung NFS server; it needs a mount
// namespace of the test's own, and that needs root.
#include "efs/mounts/place.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

constexpr Duration kPatience{20000};
constexpr Duration kShort{300};

TEST(DirectoryAt, IsTheCanonicalPath) {
  const test_support::TempDir dir;
  const std::string real = dir.at("a b");
  ASSERT_EQ(::mkdir(real.c_str(), 0755), 0);
  ASSERT_EQ(::symlink(real.c_str(), dir.at("link").c_str()), 0);
  EXPECT_EQ(directoryAt(dir.at("link"), kPatience).value(), directoryAt(real, kPatience).value());
}

TEST(DirectoryAt, SaysWhatIsWrong) {
  const test_support::TempDir dir;
  EXPECT_EQ(directoryAt(dir.at("missing"), kPatience).error().kind(), ErrorKind::kNotFound);
  ASSERT_TRUE(writeFileAtomic(dir.at("file"), ""));
  EXPECT_EQ(directoryAt(dir.at("file"), kPatience).error().osError(), ENOTDIR);
}

TEST(DirectoryAt, DoesNotWaitForAServerThatIsSilent) {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    GTEST_SKIP() << "mounting needs root and mount namespaces";
  }
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse.valid()) GTEST_SKIP() << "no FUSE here";
  const test_support::TempDir dir;
  const std::string point = dir.at("point");
  ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
  const std::string data =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  ASSERT_EQ(::mount("hung", point.c_str(), "fuse", 0, data.c_str()), 0) << errnoText(errno);
  const auto inside = directoryAt(point + "/inside", kShort);
  EXPECT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error().kind(), ErrorKind::kTimeout) << inside.error().message();
  EXPECT_NE(inside.error().describe().find("does not answer"), std::string::npos);
}

}  // namespace
}  // namespace efs::mounts
