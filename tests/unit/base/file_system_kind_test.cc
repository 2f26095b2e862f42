#include "efs/base/file_system_kind.h"

#include <gtest/gtest.h>

namespace efs {
namespace {

constexpr FileSystemKind kEfs = FileSystemKind::kEfs;
constexpr FileSystemKind kS3Files = FileSystemKind::kS3Files;

// Section 21
TEST(FileSystemKind, EachIsFoundByItsOwnNamesAndNoOther) {
  for (const KindFacts& facts : kFileSystemKinds) {
    EXPECT_EQ(&factsOf(facts.kind), &facts);
    EXPECT_EQ(kindOfType(facts.type), facts.kind);
    EXPECT_EQ(kindOfService(facts.service), facts.kind);
    EXPECT_EQ(kindOfHelper("/sbin/mount." + std::string(facts.type)), facts.kind);
    EXPECT_EQ(kindOfHelper("umount." + std::string(facts.type)), facts.kind);
    EXPECT_EQ(kindOfTargetName("fs-1." + std::string(facts.label) + ".us-east-1.x"), facts.kind);
  }
  EXPECT_FALSE(kindOfType("nfs4"));
  EXPECT_FALSE(kindOfService(""));
}

TEST(FileSystemKind, WhatHasNoNameOfAKindCountsAsEfs) {
  for (const char* program : {"", "m", "mount", "/s3files/efs"}) {
    EXPECT_EQ(kindOfHelper(program), kEfs) << program;
  }
  EXPECT_EQ(kindOfTargetName("files.example.com"), kEfs);
  EXPECT_EQ(kindOfTargetName("s3files.example.com"), kEfs);
  EXPECT_EQ(kindOfTargetName("use1-az1.fs-1.s3files.us-east-1.on.aws"), kS3Files);
  EXPECT_FALSE(namesMountTarget("127.0.0.1:/"));
  EXPECT_TRUE(namesMountTarget("use1-az1.fs-1.s3files.us-east-1.on.aws:/"));
}

TEST(FileSystemKind, FormatsAreThoseThatAreShipped) {
  EXPECT_EQ(shippedNameFormat(kEfs), "{az}.{fs_id}.efs.{region}.{dns_name_suffix}");
  EXPECT_EQ(shippedNameFormat(kS3Files), "{az_id}.{fs_id}.s3files.{region}.{dns_name_suffix}");
}

}  // namespace
}  // namespace efs
