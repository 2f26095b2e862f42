#include "efs/mounts/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

using test_support::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MountTable recorded(const std::string& name) {
  auto table = MountTable::readFile(std::string(EFS_TEST_DATA "/mountinfo/") + name);
  if (!table) std::abort();
  return std::move(*table);
}

std::vector<std::string> targets(const std::vector<const MountEntry*>& entries) {
  std::vector<std::string> out;
  for (const auto* entry : entries) out.push_back(entry->target);
  return out;
}

struct RecordedTable : ::testing::Test {
  MountTable table = recorded("efs_client");
  const MountEntry& at(const std::string& target) const {
    const auto* entry = table.atPath(target);
    if (entry == nullptr) std::abort();
    return *entry;
  }
};

TEST_F(RecordedTable, ReadsEveryFieldOfALine) {
  const auto& entry = at("/mnt/efs");
  EXPECT_EQ(entry.id, 40);
  EXPECT_EQ(entry.parent_id, 27);
  EXPECT_EQ(entry.device, makedev(0, 40));
  EXPECT_EQ(entry.root, "/");
  EXPECT_EQ(entry.source, "127.0.0.1:/");
  EXPECT_EQ(entry.fs_type, "nfs4");
  EXPECT_EQ(entry.option("timeo"), "600");
  EXPECT_EQ(entry.option("hard"), "");
  EXPECT_EQ(entry.option("soft"), std::nullopt);
  EXPECT_EQ(table.entries().size(), 18U);
}

// Section 25 item 1: \040 was not decoded and the tunnel of a live mount killed.
TEST_F(RecordedTable, DecodesBlanksAndTabs) {
  const auto& entry = at("/mnt/with blank\ttab");
  EXPECT_EQ(entry.source, "127.0.0.1:/dir with blank");
  EXPECT_EQ(entry.tunnelPort(), 20050);
}

// Section 25 item 2: an option with two '=' crashed the old watchdog.
TEST_F(RecordedTable, OptionWithTwoEqualsSignsHurtsNobody) {
  const auto& entry = at("/mnt/two-equals");
  EXPECT_EQ(entry.option("strange"), "a=b");
  EXPECT_EQ(entry.tunnelPort(), 20053);
}

// WD-4
TEST_F(RecordedTable, TunnelPortIsThatOfLoopbackNfsMountsOnly) {
  EXPECT_EQ(at("/mnt/efs").tunnelPort(), 20049);
  EXPECT_EQ(at("/mnt/default-port").tunnelPort(), 2049);
  EXPECT_EQ(at("/mnt/v3").tunnelPort(), 20054);
  EXPECT_EQ(at("/mnt/selinux").tunnelPort(), 20055);
  EXPECT_EQ(at("/mnt/v6").tunnelPort(), std::nullopt);
  EXPECT_EQ(at("/mnt/other-host").tunnelPort(), std::nullopt);
  EXPECT_EQ(at("/mnt/near-miss").tunnelPort(), std::nullopt);
  EXPECT_EQ(at("/mnt/tmp").tunnelPort(), std::nullopt);
  EXPECT_EQ(at("/proc/fs/nfsd").tunnelPort(), std::nullopt);
}

// Section 25 item 13: bind mounts keep the tunnel needed.
TEST_F(RecordedTable, FindsEveryMountOfATunnelBindMountsToo) {
  EXPECT_THAT(targets(table.withTunnelPort(20049)), ElementsAre("/mnt/efs", "/srv/bound"));
  EXPECT_EQ(at("/srv/bound").root, "/sub/dir");
  EXPECT_THAT(table.withTunnelPort(1), IsEmpty());
}

// Section 25 item 14: a second mount over the same path
TEST_F(RecordedTable, TopmostMountHidesTheOneBelow) {
  EXPECT_EQ(at("/mnt/stacked").source, "127.0.0.1:/upper");
  EXPECT_EQ(at("/mnt/stacked").tunnelPort(), 20052);
  EXPECT_EQ(table.withTunnelPort(20051).size(), 1U);
}

TEST_F(RecordedTable, MountPointThatWasRemovedKeepsItsName) {
  EXPECT_EQ(table.withTunnelPort(20056).size(), 1U);
}

TEST(MountTable, TopmostFollowsParentsWhateverTheOrderOfLines) {
  const auto table = recorded("moved_under");
  EXPECT_EQ(table.atPath("/mnt/efs")->source, "127.0.0.1:/top");
  EXPECT_EQ(table.atPath("/mnt"), nullptr);
}

// What a lookup of the path reaches counts, not what once was mounted at a path of this name.
TEST(MountTable, MountHiddenByOneOverAFolderAboveIsNotAtItsPath) {
  const TempDir dir;
  const std::string root = "27 1 259:1 / / rw - ext4 /dev/vda1 rw\n";
  const std::string hidden = "40 27 0:40 / /a/b rw - nfs4 127.0.0.1:/ rw,port=20049\n";
  const std::string cover = "41 27 0:41 / /a rw - tmpfs cover rw\n";
  const std::string within = "42 41 0:42 / /a/b rw - tmpfs within rw\n";
  const auto table = MountTable::readFile(dir.write("covered", root + hidden + cover));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->atPath("/a/b"), nullptr);
  EXPECT_EQ(table->atPath("/a")->source, "cover");
  // The order of the lines is that of their making; a mount that was moved keeps its place.
  for (const auto& lines : {hidden + cover + within, cover + within + hidden}) {
    const auto both = MountTable::readFile(dir.write("both", root + lines));
    ASSERT_TRUE(both);
    EXPECT_EQ(both->atPath("/a/b")->source, "within") << lines;
  }
}

TEST(MountTable, MountOnAMountOfASimilarNameIsNotBelowIt) {
  const TempDir dir;
  const auto table =
      MountTable::readFile(dir.write("similar",
                                     "27 1 259:1 / / rw - ext4 /dev/vda1 rw\n"
                                     "40 27 0:40 / /mnt rw - tmpfs mnt rw\n"
                                     "41 27 0:41 / /mnt-2/x rw - tmpfs x rw\n"
                                     "42 40 0:42 / /mnt/x/y/z rw - tmpfs deep rw\n"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->atPath("/mnt-2/x")->source, "x");
  EXPECT_EQ(table->atPath("/mnt/x/y/z")->source, "deep");
  EXPECT_EQ(table->atPath("/mnt/x/y"), nullptr);
}

// A lookup begins at the root of the process and never goes up to what was mounted on that.
TEST(MountTable, MountOverTheRootLeadsNowhere) {
  const TempDir dir;
  const auto table = MountTable::readFile(dir.write("over-root",
                                                    "27 1 259:1 / / rw - ext4 /dev/vda1 rw\n"
                                                    "40 27 0:40 / /mnt rw - tmpfs mnt rw\n"
                                                    "41 27 0:41 / / rw - tmpfs over rw\n"
                                                    "42 41 0:42 / /mnt rw - tmpfs within rw\n"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->atPath("/")->source, "/dev/vda1");
  EXPECT_EQ(table->atPath("/mnt")->source, "mnt");
}

// In a chroot the mount of the root itself is not listed.
TEST(MountTable, RootNeedNotBeListed) {
  const TempDir dir;
  const auto table = MountTable::readFile(dir.write("jail",
                                                    "40 27 0:40 / /mnt rw - tmpfs low rw\n"
                                                    "41 40 0:41 / /mnt rw - tmpfs high rw\n"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->atPath("/"), nullptr);
  EXPECT_EQ(table->atPath("/mnt")->source, "high");
}

TEST(MountTable, CircleOfParentsLeadsNowhere) {
  EXPECT_EQ(recorded("circle").atPath("/mnt/efs"), nullptr);
}

TEST(MountTable, BrokenLinesAreLeftOut) {
  const auto table = recorded("torn");
  EXPECT_EQ(table.atPath("/")->fs_type, "ext4");
  EXPECT_EQ(table.withTunnelPort(20052).size(), 1U);
  EXPECT_THAT(table.withTunnelPort(20050), IsEmpty());
}

TEST(MountTable, NoMountAtAllIsAnErrorNotAnEmptyTable) {
  const TempDir dir;
  for (const char* text : {"", "\n", "rubbish", "/dev/sda / ext4 rw 0 0\n"}) {
    const auto table = MountTable::readFile(dir.write("mountinfo", text));
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error().kind(), ErrorKind::kInvalidInput);
  }
  EXPECT_EQ(MountTable::readFile(dir.at("missing")).error().kind(), ErrorKind::kNotFound);
}

TEST(MountTable, ReadsThisMachine) {
  const auto table = MountTable::readKernel();
  ASSERT_TRUE(table) << table.error().message();
  const auto* proc = table->atPath("/proc");
  ASSERT_NE(proc, nullptr);
  EXPECT_EQ(proc->fs_type, "proc");
  struct stat info {};
  ASSERT_EQ(::stat("/proc", &info), 0);
  EXPECT_EQ(proc->device, info.st_dev);
}

constexpr std::string_view kServers =
    "NV SERVER   PORT USE HOSTNAME\n"
    "v4 0a000005 801   1 10.0.0.5\n"
    "v4 7f000001 4e51   2 127.0.0.1\n"
    "v4 fd000000000000000000000000000001 4e52   1 fd00::1\n";

TEST(KernelClients, FindsTheLoopbackPort) {
  EXPECT_TRUE(listsTunnelPort(kServers, 0x4e51));
  EXPECT_FALSE(listsTunnelPort(kServers, 0x4e52));
  EXPECT_FALSE(listsTunnelPort(kServers, 2049));
}

TEST(KernelClients, HeaderAndTornLinesNameNoPort) {
  EXPECT_FALSE(listsTunnelPort("", 0));
  EXPECT_FALSE(listsTunnelPort("NV 7f000001 4e51", 0x4e51));
  EXPECT_FALSE(listsTunnelPort("v4 7f000001", 0));
  EXPECT_FALSE(listsTunnelPort("v4 7f000001 4e51z 2", 0x4e51));
  EXPECT_FALSE(listsTunnelPort("v4 7f000001 ffffffffffff 2", 0xffff));
  EXPECT_TRUE(listsTunnelPort("v4 7f000001 4e51", 0x4e51));
}

TEST(KernelClients, LooksAtServersAndVolumes) {
  const TempDir dir;
  EXPECT_EQ(kernelUsesTunnelPort(20049, dir.path()).value(), false);
  ASSERT_EQ(::mkdir(dir.at("nfsfs").c_str(), 0755), 0);
  dir.write("nfsfs/servers", std::string(kServers));
  dir.write("nfsfs/volumes",
            "NV SERVER   PORT DEV          FSID                              FSC\n"
            "v4 7f000001 4e60 0:50         0:0                               no \n");
  EXPECT_EQ(kernelUsesTunnelPort(0x4e51, dir.path()).value(), true);
  EXPECT_EQ(kernelUsesTunnelPort(0x4e60, dir.path()).value(), true);
  EXPECT_EQ(kernelUsesTunnelPort(0x4e61, dir.path()).value(), false);
}

TEST(KernelClients, FindsThePortOfADevice) {
  constexpr std::string_view kVolumes =
      "NV SERVER   PORT DEV          FSID                              FSC\n"
      "v4 0a000001 0801 0:49         0:0                               no \n"
      "v4 7f000001 4e51 0:50         1:0                               no \n"
      "v4 7f000001  801 0:501        1:0                               no \n"
      "v4 7f000001 4e61";
  EXPECT_EQ(tunnelPortOfDevice(kVolumes, makedev(0, 50)), 0x4e51);
  EXPECT_EQ(tunnelPortOfDevice(kVolumes, makedev(0, 501)), 0x801);
  EXPECT_EQ(tunnelPortOfDevice(kVolumes, makedev(0, 49)), std::nullopt) << "not the loopback";
  EXPECT_EQ(tunnelPortOfDevice(kVolumes, makedev(0, 5)), std::nullopt);
  EXPECT_EQ(tunnelPortOfDevice("v4 7f000001 4e51 50", makedev(0, 50)), std::nullopt);
  EXPECT_EQ(tunnelPortOfDevice("v4 7f000001 14e51 0:50", makedev(0, 50)), std::nullopt);
  EXPECT_EQ(tunnelPortOfDevice("", makedev(0, 0)), std::nullopt);
  EXPECT_TRUE(listsDevice(kVolumes, makedev(0, 50)));
  EXPECT_TRUE(listsDevice(kVolumes, makedev(0, 49))) << "whoever its server is";
  EXPECT_FALSE(listsDevice(kVolumes, makedev(0, 5)));
  EXPECT_FALSE(listsDevice("v4 7f000001 4e51 50", makedev(0, 50)));
  EXPECT_FALSE(listsDevice("", makedev(0, 0)));
}

// A container with a network of its own may have given the port of one of ours.
TEST(NfsVolumes, TellWhichMountsAreOfTheirNetwork) {
  const auto at = [](unsigned minor) {
    MountEntry entry;
    entry.device = makedev(0, minor);
    return entry;
  };
  const MountEntry own = at(50);
  const MountEntry foreign = at(5);
  const std::string volumes =
      "NV SERVER   PORT DEV          FSID                              FSC\n"
      "v4 7f000001 4e51 0:50         1:0                               no \n";
  using Entries = std::vector<const MountEntry*>;
  EXPECT_EQ(ofNetwork({&foreign, &own}, volumes), Entries{&own});
  // Of a driver that came back with another network, or of whom nothing can be told.
  EXPECT_EQ(ofNetwork({&foreign}, volumes), Entries{&foreign});
  EXPECT_EQ(ofNetwork({&foreign, &own}, ""), (Entries{&foreign, &own}));
}

TEST(KernelClients, ThisMachineDoesNotUseAPortNobodyMounted) {
  EXPECT_EQ(kernelUsesTunnelPort(1).value(), false);
}

TEST(AbsolutePath, IsWhatTheTableWouldSay) {
  EXPECT_EQ(absolutePath("/mnt/efs", "/"), "/mnt/efs");
  EXPECT_EQ(absolutePath("/mnt//efs/./a/../", "/"), "/mnt/efs");
  EXPECT_EQ(absolutePath("efs", "/mnt"), "/mnt/efs");
  EXPECT_EQ(absolutePath("../a b", "/mnt"), "/a b");
  EXPECT_EQ(absolutePath(".", "/"), "/");
  EXPECT_EQ(absolutePath("", "/mnt"), "/mnt");
  EXPECT_EQ(absolutePath("//mnt", "/"), "/mnt");
  EXPECT_EQ(absolutePath("/../..", "/"), "/");
}

}  // namespace
}  // namespace efs::mounts
