// Promise: the probe tells the truth about a real NFSv4.1 server (nfs-ganesha on loopback): it lets
// in who is let in, names a denial as one, and leaves no client behind on the server.
#include "efs/rpc/nfs_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "efs/base/files.h"
#include "ganesha.h"

namespace efs::rpc {
namespace {

using testing::Ganesha;
using testing::GaneshaOptions;
using ::testing::HasSubstr;

constexpr Duration kPatience{10000};
const SystemClock kClock;

struct NfsProbeIntegration : ::testing::Test {
  void SetUp() override {
    if (!Ganesha::canRun()) GTEST_SKIP() << "needs nfs-ganesha and root";
  }
};

TEST_F(NfsProbeIntegration, IsLetInByARealServerAndLeavesNothingBehind) {
  Ganesha server({});
  std::string owner;
  for (int round = 0; round < 3; ++round) {
    const auto fd = server.connect();
    ASSERT_TRUE(fd) << fd.error().message();
    const auto result = probeNfs(fd->get(), kClock, kPatience);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_FALSE(result->server_owner.empty());
    if (round > 0) {
      EXPECT_EQ(result->server_owner, owner);
    }
    owner = result->server_owner;
    EXPECT_EQ(server.clientsOnRecord(), 0);
  }
}

TEST_F(NfsProbeIntegration, TwoProbesFitOneConnection) {
  Ganesha server({});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_TRUE(pingNfs(fd->get(), kClock, kPatience));
  EXPECT_TRUE(probeNfs(fd->get(), kClock, kPatience));
  EXPECT_TRUE(probeNfs(fd->get(), kClock, kPatience));
}

TEST_F(NfsProbeIntegration, LooksUpTheDirectoryThatAMountWouldAskFor) {
  Ganesha server({});
  ASSERT_TRUE(makeDirectories(server.data() + "/a/b", 0755));
  ASSERT_TRUE(writeFileAtomic(server.data() + "/a/file", "x"));
  const auto kindAt = [&](const std::string& path) {
    const auto fd = server.connect();
    if (!fd) return std::optional<ErrorKind>(fd.error().kind());
    const auto result = probeNfs(fd->get(), kClock, kPatience, path);
    return result ? std::optional<ErrorKind>() : result.error().kind();
  };
  EXPECT_EQ(kindAt("/"), std::nullopt);
  EXPECT_EQ(kindAt("/a/b"), std::nullopt);
  EXPECT_EQ(kindAt("/a//b/"), std::nullopt);
  EXPECT_EQ(kindAt("/a/none"), ErrorKind::kNotFound);
  EXPECT_EQ(kindAt("/a/file"), ErrorKind::kInvalidInput);
  EXPECT_EQ(kindAt("/a/file/x"), ErrorKind::kInvalidInput);
  EXPECT_EQ(server.clientsOnRecord(), 0);
}

TEST_F(NfsProbeIntegration, NamesADenialAsPermission) {
  Ganesha server({"1, 2", "Access_Type = NONE; CLIENT { Clients = 192.0.2.1; Access_Type = RW; }"});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  const auto result = probeNfs(fd->get(), kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kPermission) << result.error().message();
  EXPECT_THAT(result.error().message(), HasSubstr("root directory"));
  EXPECT_EQ(server.clientsOnRecord(), 0);
}

TEST_F(NfsProbeIntegration, NamesAServerWithoutNfs41) {
  Ganesha server({"0", GaneshaOptions().export_access});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  const auto result = probeNfs(fd->get(), kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kUnsupported) << result.error().message();
}

}  // namespace
}  // namespace efs::rpc
