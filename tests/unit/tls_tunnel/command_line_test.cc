#include "efs/tls_tunnel/command_line.h"

#include <gtest/gtest.h>

namespace efs::tls_tunnel {
namespace {

using Action = TunnelArguments::Action;

// TUN-1
TEST(CommandLine, TakesTheFormsThatEveryCallerUses) {
  const auto tls =
      parseTunnelArguments({"/run/efs/stunnel-config.x", "--tls", "--no-direct-s3-read"});
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->config_path, "/run/efs/stunnel-config.x");
  EXPECT_TRUE(tls->tls);
  const auto plain = parseTunnelArguments({"--no-direct-s3-read", "cfg"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->config_path, "cfg");
  EXPECT_FALSE(plain->tls);
}

// TUN-1
TEST(CommandLine, KnowsHelpAndVersion) {
  EXPECT_EQ(parseTunnelArguments({"-h"})->action, Action::kHelp);
  EXPECT_EQ(parseTunnelArguments({"cfg", "--help"})->action, Action::kHelp);
  EXPECT_EQ(parseTunnelArguments({"--version"})->action, Action::kVersion);
}

TEST(CommandLine, TakesEverythingBehindTwoDashesAsAName) {
  EXPECT_EQ(parseTunnelArguments({"--", "--tls"})->config_path, "--tls");
}

// TUN-5
TEST(CommandLine, RefusesWhatItDoesNotUnderstand) {
  const std::vector<std::vector<std::string>> lines = {
      {}, {""}, {"a", "b"}, {"--tls"}, {"cfg", "--tsl"}, {"cfg", "-x"}, {"cfg", ""}, {"--"}};
  for (const auto& line : lines) EXPECT_FALSE(parseTunnelArguments(line)) << line.size();
}

TEST(CommandLine, ErrorsNameTheArgumentInPrintableForm) {
  EXPECT_NE(parseTunnelArguments({"cfg", "--a\nb"}).error().message().find("--a?b"),
            std::string::npos);
}

// ST-3
TEST(CommandLine, FindsTheMountNameInTheConfigsName) {
  EXPECT_EQ(mountNameOf("/var/run/efs/stunnel-config.fs-1.mnt.20049"), "fs-1.mnt.20049");
  EXPECT_EQ(mountNameOf("other"), "other");
  EXPECT_EQ(mountNameOf("/x/stunnel-config."), "stunnel-config.");
}

}  // namespace
}  // namespace efs::tls_tunnel
