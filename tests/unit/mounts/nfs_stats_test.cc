#include "efs/mounts/nfs_stats.h"

#include <gtest/gtest.h>

namespace efs::mounts {
namespace {

constexpr std::string_view kText =
    "device sysfs mounted on /sys with fstype sysfs\n"
    "device 127.0.0.1:/ mounted on /mnt/a\\040b with fstype nfs4 statvers=1.1\n"
    "\topts:\trw,vers=4.1,port=20049,timeo=600\n"
    "\tage:\t17\n"
    "\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
    "\txprt:\ttcp 0 0 2 0 11 130 128 0 131 0 2 0 0\n"
    "\tper-op statistics\n"
    "\t        NULL: 0 0 0 0 0 0 0 0 0\n"
    "\t        READ: 10 12 1 2000 10001000 3 40 50 2\n"
    "\t       WRITE: 4 4 0 400 400 0 4 5\n"
    "\t       BROKE: x\n"
    "\n"
    "device server:/ mounted on /mnt/other with fstype nfs4 statvers=1.1\n"
    "\topts:\trw\n";

TEST(NfsStats, HaveEachMountItsTransportAndItsOperations) {
  const auto stats = parseNfsStats(kText, NfsDetail::kOperations);
  ASSERT_EQ(stats.size(), 2U);
  EXPECT_EQ(stats[0].source, "127.0.0.1:/");
  EXPECT_EQ(stats[0].target, "/mnt/a b");
  EXPECT_EQ(stats[0].port, 20049);
  EXPECT_EQ(stats[0].transport->sends, 130U);
  ASSERT_EQ(stats[0].operations.size(), 2U) << "what was never called is left out";
  const auto& read = stats[0].operations[0];
  EXPECT_EQ(read.name, "READ");
  EXPECT_EQ(read.calls, 10U);
  EXPECT_EQ(read.sent, 12U);
  EXPECT_EQ(read.timeouts, 1U);
  EXPECT_EQ(read.bytes_up, 2000U);
  EXPECT_EQ(read.bytes_down, 10001000U);
  EXPECT_EQ(read.queue_ms, 3U);
  EXPECT_EQ(read.round_ms, 40U);
  EXPECT_EQ(read.total_ms, 50U);
  EXPECT_EQ(read.errors, 2U);
  EXPECT_EQ(stats[0].operations[1].errors, 0U) << "kernels before 5.3 have no such column";
  EXPECT_EQ(stats[1].port, 2049);
  EXPECT_FALSE(stats[1].transport);
}

TEST(NfsStats, OperationsAreLeftOutForWhoNeedsNone) {
  EXPECT_TRUE(parseNfsStats(kText, NfsDetail::kTransports)[0].operations.empty());
}

TEST(NfsStats, NonsenseIsNothing) {
  for (const char* text :
       {"", "\n", "device", "device x", "opts: port=1\nxprt: tcp 1 2 3 4 5 6 7\n",
        "device \\04 mounted on \\9 with fstype ext4\n"}) {
    EXPECT_TRUE(parseNfsStats(text, NfsDetail::kOperations).empty()) << text;
  }
}

}  // namespace
}  // namespace efs::mounts
