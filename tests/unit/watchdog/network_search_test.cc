// Where a mount's NFS client lives, in a /proc of the test's.
#include "repair/network_search.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

constexpr const char* kHead = "NV SERVER   PORT DEV          FSID    FSC\n";

class NetworkSearchTest : public ::testing::Test {
 protected:
  // A process whose network is the file `network`, with a client of 0:`minor`.
  void process(int pid, const std::string& network, int minor) {
    const std::string folder = proc_.at(std::to_string(pid));
    std::filesystem::create_directories(folder + "/ns");
    std::filesystem::create_directories(folder + "/net/nfsfs");
    const std::string space = proc_.at(network);
    if (!std::filesystem::exists(space)) (void)proc_.write(network, "");
    std::filesystem::create_hard_link(space, folder + "/ns/net");
    const std::string volumes =
        std::string(kHead) + "v4 7f000001 4e51 0:" + std::to_string(minor) + " 0:0 no\n";
    ASSERT_TRUE(writeFileAtomic(folder + "/net/nfsfs/volumes", volumes));
  }
  Result<std::string> find(unsigned minor) const {
    return findNetwork(makedev(0, minor), proc_.path());
  }

  test_support::TempDir proc_;
};

TEST_F(NetworkSearchTest, NamesAProcessOfTheNetwork) {
  process(10, "host", 40);
  process(11, "pod", 50);
  process(12, "pod", 50);
  const auto found = find(50);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found == proc_.at("11/ns/net") || *found == proc_.at("12/ns/net"));
}

TEST_F(NetworkSearchTest, SaysThatNothingHoldsIt) {
  process(10, "host", 40);
  const auto found = find(50);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kNotFound);
}

TEST_F(NetworkSearchTest, PassesOverProcessesThatItMayNotLookAt) {
  std::filesystem::create_directories(proc_.at("9"));
  process(11, "pod", 50);
  EXPECT_TRUE(find(50));
}

}  // namespace
}  // namespace efs::watchdog
