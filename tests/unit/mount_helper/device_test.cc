#include "efs/mount_helper/device.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

// DEV-1, DEV-2
TEST(Device, AcceptsAFileSystemIdWithAndWithoutPath) {
  const auto plain = parseDevice("fs-0123abcd");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->fs_id, "fs-0123abcd");
  EXPECT_EQ(plain->path, "/");
  EXPECT_EQ(parseDevice("fs-0123abcd:")->path, "/");
  EXPECT_EQ(parseDevice("fs-0123abcd:/a/b")->path, "/a/b");
  EXPECT_EQ(parseDevice("fs-0123abcd:/a:b")->path, "/a:b");
  EXPECT_EQ(parseDevice("fs-0123abcd:a")->path, "/a");
}

// DEV-3, DEV-5
TEST(Device, ReadsTheLabelsOfADnsName) {
  const auto regional = parseDevice("fs-0123abcd.efs.us-east-1.amazonaws.com:/");
  ASSERT_TRUE(regional);
  EXPECT_EQ(regional->fs_id, "fs-0123abcd");
  EXPECT_EQ(regional->region, "us-east-1");
  EXPECT_FALSE(regional->az);
  const auto zonal = parseDevice("us-east-1b.fs-0123abcd.efs.us-east-1.amazonaws.com.:/x");
  ASSERT_TRUE(zonal);
  EXPECT_EQ(zonal->az, "us-east-1b");
  EXPECT_EQ(zonal->dns_name, "us-east-1b.fs-0123abcd.efs.us-east-1.amazonaws.com");
  EXPECT_EQ(zonal->path, "/x");
}

TEST(Device, RefusesEverythingElseWithAHint) {
  for (const char* text :
       {"", ":", "fs-", "fs-XYZ", "fs-012 3", "server:/export", "10.0.0.1:/",
        "fs-0123.s3.us-east-1.amazonaws.com", "a.b.fs-0123.efs.us-east-1.amazonaws.com",
        "fs-0123.efs.us-east-1", "fs-0123.efs..amazonaws.com", "-bad.fs-0.efs.r.\x01.com"}) {
    const auto device = parseDevice(text);
    ASSERT_FALSE(device) << text;
    EXPECT_EQ(device.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_FALSE(device.error().hint().empty());
  }
}

TEST(Device, RefusesAPathThatNoKernelTakes) {
  EXPECT_FALSE(parseDevice("fs-0123:/" + std::string(5000, 'a')));
}

}  // namespace
}  // namespace efs::mount_helper
