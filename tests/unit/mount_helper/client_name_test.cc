#include "carry_out/client_name.h"

#include <gtest/gtest.h>

#include "efs/base/text.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mount_helper {
namespace {

class ClientName : public testing::Test {
 protected:
  ClientName() {
    request_.device.fs_id = "fs-0123456789abcdef0";
    request_.mountpoint = "/mnt/efs";
  }
  std::string name(const std::string& uniquifier = "") const {
    return clientNamer(request_, settings_, state::StateStore(dir_.path()))(uniquifier);
  }
  test_support::TempDir dir_;
  MountRequest request_;
  settings::Settings settings_;
};

TEST_F(ClientName, IsTheSameForTheSameMount) { EXPECT_EQ(name(), name()); }

TEST_F(ClientName, IsAnotherOneForEachMountAndForEachChoiceOfTheAdministrator) {
  const std::string one = name();
  EXPECT_NE(one, name("rack-7"));
  request_.access_point = "fsap-0123456789abcdef0";
  EXPECT_NE(one, name());
  request_.access_point.reset();
  request_.mountpoint = "/mnt/other";
  EXPECT_NE(one, name());
}

// client_identifier = classic: as before there was such a key.
TEST_F(ClientName, IsOfTheMountAloneWhereClassic) {
  const std::string host_and_mount = name();
  settings_.mount.classic_client_identifier = true;
  EXPECT_EQ(name(), "efsmount-" + shortName("fs-0123456789abcdef0\n\n/mnt/efs"));
  EXPECT_EQ(name("rack-7"), name());
  EXPECT_NE(name(), host_and_mount);
}

// It passes, so a background mount must not be given up for it.
TEST_F(ClientName, ThatOthersKeepIsATimeOut) {
  const state::StateStore store(dir_.path());
  const test_support::RealClock clock("the lock of another holder");
  const auto held = FileLock::tryAcquire(store.locks().identifier);
  ASSERT_TRUE(held);
  const auto taken = takeName(
      store, clock, Duration(20), [](const std::string&) { return "x"; },
      mounts::KernelIdentifier::open);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::kTimeout);
  EXPECT_NE(taken.error().describe().find("other mounts of this host"), std::string::npos);
}

}  // namespace
}  // namespace efs::mount_helper
