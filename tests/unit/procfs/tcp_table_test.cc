#include "efs/procfs/tcp_table.h"

#include <gtest/gtest.h>

namespace efs::procfs {
namespace {

TEST(TcpTable, ReadsTheKernelsRowsAndLeavesOutTheRest) {
  const auto row = parseTcpRow(
      "   3: 0100007F:03FF 0100007F:4E51 01 00000000:00000000 02:000005DB 00000000     0        0 "
      "4714 2 0000000000000000 20 4 30 10 -1");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->local.port, 1023);
  EXPECT_EQ(row->remote.port, 20049);
  EXPECT_EQ(row->state, kTcpEstablished);
  EXPECT_EQ(row->inode, 4714U);
  for (const char* line :
       {"", "  sl  local_address rem_address   st", "0: 0100007F 0100007F:1 01 x x x 0 0 1",
        "0: 0100007F:1 0100007F:1 01 x x x -1 0 1", "0: 0100007F:1 0100007F:1 01 x x x 0 0",
        "0: 0100007F:10000 0100007F:1 01 x x x 0 0 1"})
    EXPECT_FALSE(parseTcpRow(line)) << line;
}

}  // namespace
}  // namespace efs::procfs
