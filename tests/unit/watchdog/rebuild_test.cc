// What can be rebuilt of a mount's state without its state file.
#include "mounts/rebuild.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "efs/identity/client_certificate.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kNow = test_support::FakeClock().now();
const std::string kName = "fs-0123456789abcdef0.mnt.efs.20049";
const state::MountPaths kPaths = state::StateStore("/run/efs").paths(kName);

tunnel_control::TunnelConfig config(bool tls) {
  tunnel_control::TunnelConfig config;
  config.accept_port = 20049;
  config.fs_id = "fs-0123456789abcdef0";
  config.region = "eu-west-1";
  if (!tls) return config;
  config.certificate = kPaths.certificate;
  config.private_key = "/etc/amazon/efs/privateKey.pem";
  return config;
}

crypto::CertificateFacts certificate(bool iam) {
  identity::CertificateRequest request;
  request.common_name = "host-a";
  request.fs_id = "fs-0123456789abcdef0";
  request.region = "eu-west-1";
  request.client_version = "3.2.0";
  request.access_point = "fsap-0123456789abcdef0";
  if (iam) {
    request.credentials = aws::Credentials();
    request.credentials->access_key_id = "AKIA";
    request.credentials->secret_access_key = Secret(std::string("secret"));
  }
  const auto key = crypto::RsaKey::generate(2048).value();
  const auto made = identity::makeClientCertificate(request, key, kNow);
  EXPECT_TRUE(made) << made.error().describe();
  return crypto::readCertificate(made->pem, "test").value();
}

// UP-2, CSI-10: what is needed to start the tunnel again and to renew its certificate.
TEST(Rebuild, TakesTheIdentityFromTheCertificate) {
  const auto facts = certificate(false);
  const auto rebuilt =
      rebuildState(kPaths, "/mnt/efs", config(true), &facts, "/usr/bin/efs-proxy", kNow);
  EXPECT_THAT(rebuilt.lost, IsEmpty());
  const auto& state = rebuilt.state;
  EXPECT_THAT(state.cmd, ElementsAre("/usr/bin/efs-proxy", kPaths.tunnel_config, "--tls",
                                     "--no-direct-s3-read"));
  EXPECT_EQ(state.mountpoint, "/mnt/efs");
  EXPECT_EQ(state.access_point, "fsap-0123456789abcdef0");
  EXPECT_EQ(state.common_name, "host-a");
  EXPECT_EQ(state.fs_id, "fs-0123456789abcdef0");
  EXPECT_EQ(state.region, "eu-west-1");
  EXPECT_EQ(state.certificate, kPaths.certificate);
  EXPECT_EQ(state.private_key, "/etc/amazon/efs/privateKey.pem");
  EXPECT_EQ(state.mount_state_dir, kName + "+");
  EXPECT_EQ(state.certificate_creation_time, state::certificateTimeText(kNow));
}

// Section 21: the renewal signs for the service that the mount is of.
TEST(Rebuild, TellsTheKindByTheNameTheCertificateIsCheckedFor) {
  auto of_s3files = config(true);
  of_s3files.connect_host = "10.0.0.1";
  of_s3files.check_host = "fs-0123456789abcdef0.s3files.eu-west-1.on.aws";
  const auto kind = [](const tunnel_control::TunnelConfig& config) {
    return rebuildState(kPaths, "/mnt/efs", config, nullptr, "/usr/bin/efs-proxy", kNow)
        .state.service_type;
  };
  EXPECT_EQ(kind(of_s3files), "s3files");
  EXPECT_EQ(kind(config(true)), "elasticfilesystem");
}

// CRED-10: renewal uses the remembered source and no other.
TEST(Rebuild, NeverRenewsWithAnotherIdentity) {
  const auto facts = certificate(true);
  const auto rebuilt =
      rebuildState(kPaths, "/mnt/efs", config(true), &facts, "/usr/bin/efs-proxy", kNow);
  EXPECT_THAT(rebuilt.lost, ElementsAre(HasSubstr("source of its credentials")));
  EXPECT_EQ(rebuilt.state.certificate, "");
}

TEST(Rebuild, NamesALostCertificate) {
  const auto rebuilt =
      rebuildState(kPaths, "/mnt/efs", config(true), nullptr, "/usr/bin/efs-proxy", kNow);
  EXPECT_THAT(rebuilt.lost, ElementsAre(HasSubstr("certificate")));
}

TEST(Rebuild, NeedsNoCertificateForAPlainMount) {
  const auto rebuilt =
      rebuildState(kPaths, "/mnt/efs", config(false), nullptr, "/usr/bin/efs-proxy", kNow);
  EXPECT_THAT(rebuilt.lost, IsEmpty());
  EXPECT_THAT(rebuilt.state.cmd,
              ElementsAre("/usr/bin/efs-proxy", kPaths.tunnel_config, "--no-direct-s3-read"));
  EXPECT_EQ(rebuilt.state.mount_state_dir, "");
}

TEST(NameByPort, FindsTheOneConfigurationOfAPort) {
  const test_support::TempDir directory;
  directory.write("stunnel-config.fs-0123456789abcdef0.mnt.a.20049", "");
  directory.write("stunnel-config.fs-0123456789abcdef0.mnt.b.20050", "");
  directory.write("stunnel-config.nonsense", "");
  const auto found = [&directory](int port) {
    return *nameByPort(state::systemFiles(), directory.path(), port);
  };
  EXPECT_EQ(found(20049), "fs-0123456789abcdef0.mnt.a.20049");
  EXPECT_EQ(found(20051), "");
  directory.write("stunnel-config.fs-0123456789abcdef1.mnt.c.20049", "");
  EXPECT_EQ(found(20049), "") << "two answers are none";
  EXPECT_FALSE(nameByPort(state::systemFiles(), "/nonexistent", 20049));
}

}  // namespace
}  // namespace efs::watchdog
