// Promise: mountNfs() mounts a real server with the real kernel, and names what went wrong when it
// cannot. Needs a kernel with an NFS client; without one every test skips.
#include "efs/mounts/nfs_mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "efs/base/files.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/unmount.h"
#include "efs/net/socket.h"
#include "ganesha.h"

namespace efs::mounts {
namespace {

using test_support::contentOf;
using test_support::TempDir;
using testing::Ganesha;
using ::testing::HasSubstr;

constexpr Duration kPatience{30000};

struct NfsMountIntegration : ::testing::Test {
  void SetUp() override {
    if (!Ganesha::canRun()) GTEST_SKIP() << "needs nfs-ganesha and root";
    if (!loadNfs()) GTEST_SKIP() << "this kernel has no NFS client";
    ASSERT_TRUE(makeDirectories(point, 0755));
  }
  void TearDown() override { (void)unmount(point, true, kPatience); }

  NfsMountRequest request(int port, const std::string& path = "/",
                          const std::string& options = "") const {
    auto list = OptionList::parse(options);
    addNfsDefaults(list, port);
    return {"127.0.0.1:" + path, point, list, "127.0.0.1", ""};
  }
  const MountEntry* entry() {
    auto read = MountTable::readKernel();
    if (!read) return nullptr;
    table = std::move(*read);
    return table.atPath(point);
  }

  TempDir dir;
  std::string point = dir.at("mount point");
  MountTable table;
};

TEST_F(NfsMountIntegration, MountsReadsAheadRemountsAndUnmounts) {
  Ganesha server({});
  const auto connected = server.connect();
  ASSERT_TRUE(connected) << connected.error().message();
  ASSERT_TRUE(writeFileAtomic(server.data() + "/file", "content"));
  const auto mounted = mountNfs(
      request(server.port(), "/", "_netdev,nofail,x-systemd.automount,bg,retry=5,sloppy,nosuid"),
      kPatience);
  ASSERT_TRUE(mounted) << mounted.error().message();
  ASSERT_NE(entry(), nullptr);
  EXPECT_EQ(entry()->tunnelPort(), server.port());
  EXPECT_EQ(entry()->source, "127.0.0.1:/");
  EXPECT_EQ(entry()->option("nosuid"), "");
  EXPECT_EQ(entry()->option("rsize"), "1048576");
  EXPECT_EQ(contentOf(point + "/file"), "content");
  EXPECT_EQ(kernelUsesTunnelPort(server.port()).value(), true);
  EXPECT_THAT(contentOf("/run/mount/utab"), HasSubstr("_netdev"));

  EXPECT_TRUE(setReadAhead(entry()->device, 1048576));
  const auto bdi = "/sys/class/bdi/" + std::to_string(major(entry()->device)) + ":" +
                   std::to_string(minor(entry()->device)) + "/read_ahead_kb";
  EXPECT_EQ(contentOf(bdi), "15360\n");

  const auto remounted = remountNfs(request(server.port(), "/", "ro"));
  EXPECT_TRUE(remounted) << remounted.error().message();
  EXPECT_EQ(entry()->option("ro"), "");

  ASSERT_TRUE(unmount(point, false, kPatience));
  EXPECT_EQ(entry(), nullptr);
  EXPECT_EQ(kernelUsesTunnelPort(server.port()).value(), false);
}

// NFS-6: the texts that users search for
TEST_F(NfsMountIntegration, NamesAPathThatIsNotThere) {
  Ganesha server({});
  const auto connected = server.connect();
  ASSERT_TRUE(connected) << connected.error().message();
  const auto status = mountNfs(request(server.port(), "/missing"), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(
      status.error().message(),
      "mounting 127.0.0.1:/missing failed, reason given by server: No such file or directory");
}

TEST_F(NfsMountIntegration, NamesADenial) {
  Ganesha server({"1, 2", "Access_Type = RW; Squash = All_Squash;"});
  const auto connected = server.connect();
  ASSERT_TRUE(connected) << connected.error().message();
  ASSERT_TRUE(makeDirectories(server.data() + "/secret/inner", 0700));
  ASSERT_EQ(::chmod((server.data() + "/secret").c_str(), 0700), 0);
  const auto status = mountNfs(request(server.port(), "/secret/inner"), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kPermission) << status.error().message();
  EXPECT_THAT(status.error().message(),
              HasSubstr("access denied by server while mounting 127.0.0.1:/secret/inner"));
}

// What a whole export that is closed to the client looks like: EPERM.
TEST_F(NfsMountIntegration, NamesAClosedExport) {
  Ganesha server({"1, 2", "Access_Type = NONE; CLIENT { Clients = 192.0.2.1; Access_Type = RW; }"});
  const auto connected = server.connect();
  ASSERT_TRUE(connected) << connected.error().message();
  const auto status = mountNfs(request(server.port()), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kPermission) << status.error().message();
  EXPECT_THAT(status.error().message(), HasSubstr("Operation not permitted"));
}

TEST_F(NfsMountIntegration, NamesAClosedPort) {
  const int port = net::listenLoopback(0).value().port;  // closed again
  const auto status = mountNfs(request(port), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kRefused) << status.error().message();
  EXPECT_THAT(status.error().message(), HasSubstr("Connection refused"));
}

TEST_F(NfsMountIntegration, SilentServerCostsOnlyThePatience) {
  const auto silent = net::listenLoopback(0);
  ASSERT_TRUE(silent);
  const auto status = mountNfs(request(silent->port), Duration(500));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kTimeout) << status.error().message();
  EXPECT_EQ(entry(), nullptr);
}

TEST_F(NfsMountIntegration, NamesAnOptionTheKernelDoesNotKnow) {
  const auto status = mountNfs(request(1, "/", "bogus=1"), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kInvalidInput);
  EXPECT_THAT(status.error().message(), HasSubstr("an incorrect mount option was specified"));
}

}  // namespace
}  // namespace efs::mounts
