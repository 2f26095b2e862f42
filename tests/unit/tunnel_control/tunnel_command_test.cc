#include "efs/tunnel_control/tunnel_command.h"

#include <gtest/gtest.h>

#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::tunnel_control {
namespace {

using Argv = std::vector<std::string>;

constexpr const char* kConfig = "/var/run/efs/stunnel-config.fs-1.mnt.20049";

// TUN-1
TEST(TunnelCommand, IsTheReverseOfTunnelCommand) {
  EXPECT_EQ(tunnelCommand("/usr/bin/efs-proxy", kConfig, true),
            (Argv{"/usr/bin/efs-proxy", kConfig, "--tls", "--no-direct-s3-read"}));
  EXPECT_EQ(tunnelCommand("/usr/bin/efs-proxy", kConfig, false),
            (Argv{"/usr/bin/efs-proxy", kConfig, "--no-direct-s3-read"}));
  for (const bool tls : {true, false}) {
    const auto command = TunnelCommand::parse(tunnelCommand("/usr/bin/efs-proxy", kConfig, tls));
    ASSERT_TRUE(command.has_value());
    EXPECT_EQ(command->binary, "/usr/bin/efs-proxy");
    EXPECT_EQ(command->config_path, kConfig);
    EXPECT_EQ(command->tls, tls);
    EXPECT_FALSE(command->stunnel);
    EXPECT_EQ(command->netns, "");
  }
}

// UP-2, TUN-14
TEST(TunnelCommand, ReadsTheFormsOfOldStateFiles) {
  const auto proxy = TunnelCommand::parse({"/sbin/efs-proxy", kConfig, "--tls"});
  ASSERT_TRUE(proxy.has_value());
  EXPECT_TRUE(proxy->tls);
  for (const char* binary : {"stunnel", "/usr/bin/stunnel", "/usr/sbin/stunnel5"}) {
    const auto stunnel = TunnelCommand::parse({binary, kConfig});
    ASSERT_TRUE(stunnel.has_value()) << binary;
    EXPECT_TRUE(stunnel->stunnel);
    EXPECT_TRUE(stunnel->tls);
    EXPECT_EQ(stunnel->config_path, kConfig);
  }
}

// Contract section 14: `cmd` may begin with nsenter.
TEST(TunnelCommand, ReadsANetworkNamespace) {
  const auto command = TunnelCommand::parse(
      {"nsenter", "--net=/proc/77/ns/net", "/usr/bin/efs-proxy", kConfig, "--tls"});
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(command->netns, "/proc/77/ns/net");
  EXPECT_TRUE(command->tls);
  EXPECT_TRUE(
      TunnelCommand::parse({"/usr/bin/nsenter", "--net=/n", "stunnel", kConfig}).has_value());
}

TEST(TunnelCommand, RefusesEveryOtherForm) {
  const std::vector<Argv> commands{
      {},
      {""},
      {"/usr/bin/efs-proxy"},
      {"/bin/sh", "-c", "true"},
      {"/usr/bin/efs-proxy", "relative", "--tls"},
      {"/usr/bin/efs-proxy", "", "--tls"},
      {"/usr/bin/efs-proxy", "--tls", kConfig},
      {"/usr/bin/efs-proxy", kConfig, "--evil"},
      {"/usr/bin/efs-proxy-x", kConfig},
      {"/usr/bin/stunnel", kConfig, "--tls"},
      {"/usr/bin/stunnel", kConfig, "--no-direct-s3-read"},
      {"nsenter", "/usr/bin/efs-proxy", kConfig},
      {"nsenter", "--net=", "/usr/bin/efs-proxy", kConfig},
      {"nsenter", "--net=ns", "/usr/bin/efs-proxy", kConfig},
      {"nsenter", "--net=/ns", "--mount=/m", "/usr/bin/efs-proxy", kConfig},
      {"nsenter", "--net=/ns"},
  };
  for (const auto& argv : commands) {
    const auto command = TunnelCommand::parse(argv);
    ASSERT_FALSE(command.has_value()) << argv.size();
    EXPECT_EQ(command.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_EQ(command.error().message().find("tunnel command: "), 0U);
  }
}

}  // namespace
}  // namespace efs::tunnel_control
