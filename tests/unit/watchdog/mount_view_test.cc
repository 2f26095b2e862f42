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

}  // namespace
}  // namespace efs::watchdog
