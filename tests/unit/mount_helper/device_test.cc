#include "request/device.h"

#include <gtest/gtest.h>

#include <utility>

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
  for (const char* text : {"",
                           ":",
                           "fs-",
                           "fs-XYZ",
                           "fs-012 3",
                           "10.0.0.256:/",
                           "fd00::1:/",
                           "fd00::1",
                           "[10.0.0.1]:/",
                           "[fd00::1",
                           "[fd00::1]x",
                           "[]:/",
                           "-x:/",
                           "a..b:/",
                           ".:/",
                           "a b.example.com:/",
                           "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-XY",
                           "arn:aws:elasticfilesystem:us-east-1:123456789012:mount-target/fsmt-1",
                           "arn:aws:s3:us-east-1:123456789012:file-system/fs-0123abcd",
                           "arn:aws:elasticfilesystem:us-east-1:12345:file-system/fs-0123abcd",
                           "arn:aws:elasticfilesystem:us-east-1:123456789012",
                           "arn:",
                           "arn:aws:",
                           "fs-0123.s3.us-east-1.amazonaws.com",
                           "a.b.fs-0123.efs.us-east-1.amazonaws.com",
                           "fs-0123.efs.us-east-1",
                           "fs-0123.efs..amazonaws.com",
                           "-bad.fs-0.efs.r.\x01.com"}) {
    const auto device = parseDevice(text);
    ASSERT_FALSE(device) << text;
    EXPECT_EQ(device.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_FALSE(device.error().hint().empty());
  }
}

TEST(Device, WhatPeopleWriteInsteadIsRefusedWithWhatTheyMeant) {
  const std::pair<const char*, const char*> slips[] = {
      {"fsap-0123456789abcdef0:/", "tls,accesspoint=fsap-0123456789abcdef0"},
      {"FSAP-0123456789abcdef0", "this is an access point"},
      {"https://fs-0123abcd.efs.us-east-1.amazonaws.com/a",
       "did you mean fs-0123abcd.efs.us-east-1.amazonaws.com:/a?"},
      {"nfs://fs-0123abcd:/", "did you mean fs-0123abcd:/?"},
      {"efs://fs-0123abcd", "did you mean fs-0123abcd:/?"},
      {"0123456789abcdef0:/x", "did you mean fs-0123456789abcdef0:/x?"},
      {"fs0123456789abcdef0", "did you mean fs-0123456789abcdef0?"},
      {"fs_0123456789abcdef0:/", "did you mean fs-0123456789abcdef0:/?"},
      {"FS-0123456789ABCDEF0:/", "lower case: did you mean fs-0123456789abcdef0:/?"},
  };
  for (const auto& [text, hint] : slips) {
    const auto device = parseDevice(text);
    ASSERT_FALSE(device) << text;
    EXPECT_NE(device.error().hint().find(hint), std::string::npos) << device.error().hint();
  }
  EXPECT_TRUE(parseDevice("fs.example.com:/")) << "a name like others";
  EXPECT_TRUE(parseDevice("0123abcd:/")) << "a short name of a host";
}

TEST(Device, AnIdOfAnotherLengthIsDoubted) {
  EXPECT_EQ(idDoubt("fs-0123456789abcdef"),
            "fs-0123456789abcdef has 16 digits, an id has 17 (old ones 8)");
  EXPECT_EQ(idDoubt("fs-0123456789abcdef0"), "");
  EXPECT_EQ(idDoubt("fs-0123abcd"), "");
}

// Issue "Devices": ARNs; the path stands behind one more colon.
TEST(Device, ReadsArns) {
  const auto fs = parseDevice(
      "arn:aws-cn:elasticfilesystem:cn-north-1:123456789012:file-system/fs-0123abcd:/a:b");
  ASSERT_TRUE(fs) << fs.error().describe();
  EXPECT_EQ(fs->fs_id, "fs-0123abcd");
  EXPECT_EQ(fs->arn_region, "cn-north-1");
  EXPECT_EQ(fs->path, "/a:b");
  const auto point = parseDevice(
      "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0");
  ASSERT_TRUE(point) << point.error().describe();
  EXPECT_EQ(point->fs_id, "");
  EXPECT_EQ(point->access_point, "fsap-0123456789abcdef0");
  EXPECT_EQ(point->path, "/");
}

TEST(Device, AnArnsPartitionMustBeThatOfItsRegion) {
  const auto wrong =
      parseDevice("arn:aws:elasticfilesystem:cn-north-1:123456789012:file-system/fs-0123abcd");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("cn-north-1 is in aws-cn"), std::string::npos);
}

TEST(Device, ReadsAddresses) {
  EXPECT_EQ(parseDevice("10.0.0.5:/a")->address, "10.0.0.5");
  EXPECT_EQ(parseDevice("10.0.0.5")->path, "/");
  const auto v6 = parseDevice("[fd00::5]:/a");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address, "fd00::5");
  EXPECT_EQ(v6->path, "/a");
  EXPECT_EQ(parseDevice("[fd00::5]")->path, "/");
}

// DEV-3
TEST(Device, AnyOtherNameMayBeAnAlias) {
  const auto own = parseDevice("Files.Example.COM.:/x");
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->own_name);
  EXPECT_EQ(own->dns_name, "files.example.com");
  EXPECT_EQ(own->fs_id, "");
  EXPECT_TRUE(parseDevice("nas:/export")->own_name);
}

// DEV-3
TEST(Device, TheCanonicalNameMustBeOneThatEfsMakes) {
  const auto own = parseDevice("files.example.com:/x");
  ASSERT_TRUE(own);
  const auto known = withCanonicalName(*own, "us-east-1a.fs-0123abcd.efs.us-east-1.amazonaws.com");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->fs_id, "fs-0123abcd");
  EXPECT_EQ(known->az, "us-east-1a");
  EXPECT_EQ(known->path, "/x");
  EXPECT_FALSE(known->own_name);
  const auto other = withCanonicalName(*own, "files.example.com");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find("did not resolve to a valid DNS name"), std::string::npos);
  EXPECT_NE(other.error().hint().find("fsid="), std::string::npos);
}

TEST(Device, RefusesAPathThatNoKernelTakes) {
  EXPECT_FALSE(parseDevice("fs-0123:/" + std::string(5000, 'a')));
}

}  // namespace
}  // namespace efs::mount_helper
