#include "efs/mounts/mount_source.h"

#include <gtest/gtest.h>

namespace efs::mounts {
namespace {

TEST(MountSource, IsShownAsTheKernelWalkedIt) {
  EXPECT_TRUE(sameSource("127.0.0.1:/", "127.0.0.1:/"));
  EXPECT_TRUE(sameSource("127.0.0.1:/dir", "127.0.0.1:/dir"));
  EXPECT_TRUE(sameSource("127.0.0.1:/dir/", "127.0.0.1:/dir"));
  EXPECT_TRUE(sameSource("127.0.0.1://", "127.0.0.1:/"));
  EXPECT_TRUE(sameSource("127.0.0.1:/a//b/./c/", "127.0.0.1:/a/b/c"));
  EXPECT_TRUE(sameSource("127.0.0.1:/a/../b", "127.0.0.1:/b"));
  EXPECT_TRUE(sameSource("127.0.0.1:/../a", "127.0.0.1:/a"));
  EXPECT_TRUE(sameSource("[fd00::1]:/a/", "[fd00::1]:/a"));
}

TEST(MountSource, DiffersWithServerAndDirectory) {
  EXPECT_FALSE(sameSource("127.0.0.1:/dir", "127.0.0.1:/"));
  EXPECT_FALSE(sameSource("127.0.0.1:/dir", "127.0.0.1:/dir2"));
  EXPECT_FALSE(sameSource("127.0.0.1:/a b", "127.0.0.1:/a"));
  EXPECT_FALSE(sameSource("127.0.0.1:/dir", "127.0.0.2:/dir"));
  EXPECT_FALSE(sameSource("127.0.0.1:/.dir", "127.0.0.1:/dir"));
}

TEST(MountSource, OfAnotherKindIsItsText) {
  EXPECT_TRUE(sameSource("none", "none"));
  EXPECT_FALSE(sameSource("none", "some"));
  EXPECT_FALSE(sameSource("", "127.0.0.1:/"));
}

}  // namespace
}  // namespace efs::mounts
