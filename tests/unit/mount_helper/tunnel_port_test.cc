#include "carry_out/tunnel_port.h"

#include <gtest/gtest.h>

#include "efs/test_support/temp_dir.h"

namespace efs::mount_helper {
namespace {

class TunnelPort : public ::testing::Test {
 protected:
  TunnelPort() {
    settings_.port_lower = 20049;
    settings_.port_upper = 21049;
    kernel_.uses_port = [](int) -> Result<bool> { return false; };
    first_ = listenForTunnel(MountRequest(), settings_, store_, kernel_).value().port;
  }
  Result<net::ListeningSocket> listen(std::optional<int> port) {
    MountRequest request;
    request.tls_port = port;
    return listenForTunnel(request, settings_, store_, kernel_);
  }

  const test_support::TempDir dir_;
  const state::StateStore store_{dir_.path()};
  settings::MountSettings settings_;
  KernelCalls kernel_;
  int first_ = 0;  // one that was free a moment ago
};

// Issue 11, A4: the old mount then spoke through the new tunnel, with the new identity.
TEST_F(TunnelPort, OfAMountWithoutTunnelAndStateIsNotGivenToAnother) {
  kernel_.uses_port = [this](int port) -> Result<bool> { return port == first_; };
  const auto refused = listen(first_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kBusy);
  EXPECT_NE(refused.error().describe().find("the kernel has an NFS mount that uses it"),
            std::string::npos)
      << refused.error().describe();
  settings_.port_lower = first_;
  settings_.port_upper = first_ + 1;
  EXPECT_FALSE(listen(std::nullopt));
}

TEST_F(TunnelPort, ThatNobodyUsesIsGiven) {
  EXPECT_TRUE(listen(first_)) << "it was free a moment ago";
}

TEST_F(TunnelPort, ThatTheKernelCannotBeAskedAboutIsNotGiven) {
  kernel_.uses_port = [](int) -> Result<bool> { return Error(ErrorKind::kIo, "no memory"); };
  EXPECT_FALSE(listen(first_));
  EXPECT_FALSE(listen(std::nullopt));
}

}  // namespace
}  // namespace efs::mount_helper
