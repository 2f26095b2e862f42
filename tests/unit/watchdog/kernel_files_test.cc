// Files of the kernel that the watchdog reads: mountstats, locks.
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "observe/lock_table.h"
#include "observe/mount_stats.h"

namespace efs::watchdog {
namespace {

// From Linux 6.1, shortened.
constexpr std::string_view kMountStats =
    "device sysfs mounted on /sys with fstype sysfs\n"
    "device 127.0.0.1:/ mounted on /mnt/efs with fstype nfs4 statvers=1.1\n"
    "\topts:\trw,vers=4.1,rsize=1048576,noresvport,proto=tcp,port=20049,timeo=600\n"
    "\tage:\t17\n"
    "\tbytes:\t0 0 0 0 0 0 0 0\n"
    "\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
    "\txprt:\ttcp 0 0 2 0 11 130 128 0 131 0 2 0 0\n"
    "\txprt:\ttcp 0 0 1 0 11 10 10 0 131 0 2 0 0\n"
    "\tper-op statistics\n"
    "\t        NULL: 1 1 0 44 24 0 0 0 0\n"
    "\n"
    "device 127.0.0.1:/a b mounted on /mnt/port with fstype nfs4 statvers=1.1\n"
    "\topts:\trw,vers=4.1\n"
    "\txprt:\ttcp 0 0 1 0 11 3 3 0 3 0 2 0 0\n"
    "device server:/ mounted on /mnt/other with fstype nfs4 statvers=1.1\n"
    "\topts:\trw,port=20050\n"
    "\txprt:\ttcp 0 0 1 0 11 3 3 0 3 0 2 0 0\n";

TEST(MountStats, SumsTheTransportsOfAMount) {
  const auto stats = MountStats::parse(kMountStats);
  ASSERT_NE(stats.of(20049), nullptr);
  EXPECT_EQ(stats.of(20049)->connects, 3U);
  EXPECT_EQ(stats.of(20049)->sends, 140U);
  EXPECT_EQ(stats.of(20049)->receives, 138U);
}

TEST(MountStats, KnowsTheDefaultPortAndOnlyTunnels) {
  const auto stats = MountStats::parse(kMountStats);
  EXPECT_NE(stats.of(2049), nullptr);
  EXPECT_EQ(stats.of(20050), nullptr);
  EXPECT_EQ(stats.size(), 2U);
}

TEST(MountStats, LeavesOutWhatItDoesNotUnderstand) {
  for (const char* broken : {
           "",
           "\n\n",
           "device",
           "device 127.0.0.1:/ mounted on /m with fstype nfs4\n\txprt:\ttcp 1",
           "device 127.0.0.1:/ x with fstype nfs4\n\topts:\tport=x\n\txprt:\ttcp 0 0 1 0 1 3 3\n",
           "device 127.0.0.1:/ x with fstype nfs4\n\topts:\tport=70000\n\txprt:\ttcp 0 0 1 0 1 3 "
           "3\n",
           "device 127.0.0.1:/ x with fstype nfs4\n\topts:\tport=1\n\txprt:\ttcp 0 0 -1 0 1 3 3\n",
           "device 127.0.0.1:/ x with fstype nfs4\n\topts:\tport=1\n\txprt:\trdma 0 0 1 0 1 3 3\n",
       }) {
    EXPECT_EQ(MountStats::parse(broken).size(), 0U) << broken;
  }
}

TEST(LockTable, FindsTheDeviceOfALock) {
  const auto table = LockTable::parse(
      "1: POSIX  ADVISORY  WRITE 708 00:2f:13548 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 2001 fd:01:9 0 EOF\n"
      "2: -> FLOCK  ADVISORY  WRITE 2002 00:30:9 0 EOF\n");
  EXPECT_TRUE(table.heldOn(makedev(0, 0x2f)));
  EXPECT_TRUE(table.heldOn(makedev(0xfd, 1)));
  EXPECT_TRUE(table.heldOn(makedev(0, 0x30)));
  EXPECT_FALSE(table.heldOn(makedev(0, 0x31)));
}

TEST(LockTable, LeavesOutWhatItDoesNotUnderstand) {
  const auto table =
      LockTable::parse("1: POSIX ADVISORY WRITE 708 <none>:0 0 EOF\nx:y:z ::: 1:2\n");
  EXPECT_FALSE(table.heldOn(makedev(0, 0)));
  EXPECT_FALSE(table.heldOn(makedev(1, 2)));
}

}  // namespace
}  // namespace efs::watchdog
