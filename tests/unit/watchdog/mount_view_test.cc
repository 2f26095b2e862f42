#include "observe/mount_view.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/system_kernel.h"
#include "daemon/system_tools.h"
#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

// A mount whose tunnel and state are gone still asks for its port, and would go through whatever
// listens there next.
TEST(MountView, KnowsThePortsThatTheKernelAsksFor) {
  const test_support::TempDir dir;
  ASSERT_EQ(::mkdir(dir.at("nfsfs").c_str(), 0755), 0);
  ASSERT_TRUE(writeFileAtomic(dir.at("nfsfs/servers"),
                              "NV SERVER   PORT USE HOSTNAME\n"
                              "v4 7f000001 4e51   1 127.0.0.1\n"));
  ASSERT_TRUE(writeFileAtomic(
      dir.at("mountinfo"),
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "57 22 0:50 / /mnt/efs rw - nfs4 127.0.0.1:/ rw,vers=4.1,port=20050,addr=127.0.0.1\n"));
  SystemKernel kernel({.mountinfo = dir.at("mountinfo"), .proc_net = dir.path()});
  SystemLog log;
  MountView view(kernel, log);
  view.refresh();
  EXPECT_TRUE(view.asksForPort(20049));  // 0x4e51
  EXPECT_TRUE(view.asksForPort(20050));  // in the table alone
  EXPECT_FALSE(view.asksForPort(20051));
}

// The mount table of host and container, in which one port stands for a tunnel of each.
struct TwoNetworks : ::testing::Test {
  static constexpr int kPort = 20049;
  static constexpr const char* kHost =
      "57 22 0:50 / /mnt/host rw - nfs4 127.0.0.1:/ rw,port=20049,addr=127.0.0.1\n";
  static constexpr const char* kContainer =
      "58 22 0:51 / /mnt/container rw - nfs4 127.0.0.1:/ rw,port=20049,addr=127.0.0.1\n";
  static constexpr const char* kHostVolume = "v4 7f000001 4e51 0:50         0:0     no \n";

  TwoNetworks() { ::mkdir(dir.at("nfsfs").c_str(), 0755); }
  std::vector<int> seen(const std::string& mounts, const std::string& volumes) {
    EXPECT_TRUE(
        writeFileAtomic(dir.at("nfsfs/volumes"), "NV SERVER PORT DEV FSID FSC\n" + volumes));
    EXPECT_TRUE(
        writeFileAtomic(dir.at("mountinfo"), "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts));
    view.refresh();
    std::vector<int> ids;
    for (const auto* entry : view.entries(kPort)) ids.push_back(entry->id);
    return ids;
  }

  const test_support::TempDir dir;
  SystemKernel kernel{{.mountinfo = dir.at("mountinfo"), .proc_net = dir.path()}};
  SystemLog log;
  MountView view{kernel, log};
};

TEST_F(TwoNetworks, TheOtherOnesMountOfTheSamePortIsNotOurs) {
  const std::string both = std::string(kContainer) + kHost;
  EXPECT_EQ(seen(kHost, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(seen(both, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(view.visible(kPort)->target, "/mnt/host");
  EXPECT_EQ(seen(kContainer, ""), std::vector<int>()) << "ours has gone, theirs keeps no tunnel";
  EXPECT_EQ(view.mounted(kPort), Seen::kNo);
}

// A driver's pod that was restarted with another network (the mount is looked for, and served).
TEST_F(TwoNetworks, AMountOfAnotherNetworkAloneIsShown) {
  EXPECT_EQ(seen(kContainer, ""), std::vector<int>{58});
  EXPECT_EQ(seen(std::string(kContainer) + kHost, ""), (std::vector<int>{58, 57}))
      << "none is ours";
}

TEST_F(TwoNetworks, AForeignMountThatStaysWhenThePortIsFreeIsForgottenWithIt) {
  EXPECT_EQ(seen(kHost, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(seen(std::string(kContainer) + kHost, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(seen("", ""), std::vector<int>());
  EXPECT_EQ(seen(kContainer, ""), std::vector<int>{58});
}

// Theirs is our tunnel's, of a driver that came back with this network, where a stranger's mount
// had the same port: when that one goes, the tunnel must not go with it.
TEST_F(TwoNetworks, WhatWasThereBeforeUsMayBeOfEither) {
  EXPECT_EQ(seen(std::string(kContainer) + kHost, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(seen(kContainer, ""), std::vector<int>{58});
}

// Between two looks everybody is told the same: who has counted a port's mounts may name the first.
TEST_F(TwoNetworks, AnUnmountChangesNothingBeforeTheNextLook) {
  const std::string both = std::string(kContainer) + kHost;
  EXPECT_EQ(seen(kHost, kHostVolume), std::vector<int>{57});
  EXPECT_EQ(seen(both, kHostVolume), std::vector<int>{57});
  ASSERT_TRUE(writeFileAtomic(dir.at("nfsfs/volumes"), "NV SERVER PORT DEV FSID FSC\n"));
  EXPECT_EQ(view.entries(kPort).size(), 1U);
  EXPECT_NE(view.visible(kPort), nullptr);
  EXPECT_EQ(seen(kContainer, ""), std::vector<int>());
}

TEST_F(TwoNetworks, WhatServesElsewhereIsNotToldByOurNetwork) {
  view.tellPortsElsewhere([](int port) { return port == kPort; });
  EXPECT_EQ(seen(std::string(kContainer) + kHost, kHostVolume), (std::vector<int>{58, 57}));
}

}  // namespace
}  // namespace efs::watchdog
