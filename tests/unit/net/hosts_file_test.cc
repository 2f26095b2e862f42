#include "efs/net/hosts_file.h"

#include <gtest/gtest.h>

namespace efs::net {
namespace {

constexpr const char* kName = "fs-1.efs.us-east-1.amazonaws.com";

TEST(HostsFileNames, FindsANameAnywhereBehindTheAddress) {
  EXPECT_TRUE(hostsFileNames("10.0.0.1 fs-1.efs.us-east-1.amazonaws.com\n", kName));
  EXPECT_TRUE(hostsFileNames(
      "127.0.0.1 localhost\n\t10.0.0.1\tother  FS-1.efs.us-east-1.amazonaws.com # pinned", kName));
  EXPECT_TRUE(hostsFileNames("fd00::1 fs-1.efs.us-east-1.amazonaws.com\r\n", kName));
}

TEST(HostsFileNames, TakesNeitherCommentsNorAddressesNorPartsForAName) {
  EXPECT_FALSE(hostsFileNames("", kName));
  EXPECT_FALSE(hostsFileNames("# 10.0.0.1 fs-1.efs.us-east-1.amazonaws.com\n", kName));
  EXPECT_FALSE(hostsFileNames("10.0.0.1 other # fs-1.efs.us-east-1.amazonaws.com\n", kName));
  EXPECT_FALSE(hostsFileNames("fs-1.efs.us-east-1.amazonaws.com 10.0.0.1\n", kName));
  EXPECT_FALSE(hostsFileNames("10.0.0.1 us-east-1a.fs-1.efs.us-east-1.amazonaws.com\n", kName));
}

}  // namespace
}  // namespace efs::net
