#include "plan/mount_plan.h"

#include <gtest/gtest.h>

#include "efs/state/state_store.h"

namespace efs::mount_helper {
namespace {

const WallTime kNow = WallTime(std::chrono::seconds(1767323045));  // 2026-01-02T03:04:05Z

settings::Settings shipped() {
  settings::Settings settings;
  settings.mount.dns_name_format = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}";
  return settings;
}

MountPlan plan(const std::string& options, settings::Settings settings = shipped(),
               const std::string& mountpoint = "/mnt/efs", const std::string& connect_host = "",
               FileSystemKind kind = FileSystemKind::kEfs) {
  CommandLine command;
  command.kind = kind;
  command.device = "fs-deadbeef:/data";
  command.mountpoint = mountpoint;
  command.options = options;
  const auto request = makeMountRequest(command);
  EXPECT_TRUE(request);
  MountFacts facts;
  facts.region = "us-east-1";
  facts.target = {"us-east-1a.fs-deadbeef.efs.us-east-1.amazonaws.com", "us-east-1a", "10.0.0.1",
                  connect_host};
  facts.host_name = std::string(70, 'h');
  facts.tunnel_binary = "/usr/bin/efs-proxy";
  facts.port = 20407;
  if (request->iam) {
    facts.credentials.emplace();
    facts.credentials->access_key_id = "AKIDEXAMPLE";
    facts.credentials->method = "credentials:default";
    facts.credentials->expiration = std::chrono::system_clock::from_time_t(1767323045);
  }
  const state::StateStore store("/run/efs-test");
  return planMount(*request, facts, settings, store.paths(mountNameOf(*request, facts)), kNow);
}

// ST-1, ST-2, ST-3, ST-4
TEST(MountPlan, NamesEverythingAfterFileSystemMountPointAndPort) {
  const auto p = plan("tls");
  EXPECT_EQ(p.paths.name, "fs-deadbeef.mnt.efs.20407");
  EXPECT_EQ(p.paths.pending_state, "/run/efs-test/~fs-deadbeef.mnt.efs.20407");
  EXPECT_EQ(p.paths.tunnel_config, "/run/efs-test/stunnel-config.fs-deadbeef.mnt.efs.20407");
  EXPECT_EQ(p.paths.certificate, "/run/efs-test/fs-deadbeef.mnt.efs.20407+/certificate.pem");
}

// NFS-1, NFS-3
TEST(MountPlan, MountsFromLoopbackWithTheDefaultsOfTheContract) {
  const auto p = plan("tls,iam,_netdev,rw");
  EXPECT_EQ(p.nfs.source, "127.0.0.1:/data");
  EXPECT_EQ(p.nfs.umount_helper, "efs");  // umount(8) calls umount.efs
  EXPECT_EQ(
      p.nfs.options.text(),
      "_netdev,rw,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,"
      "port=20407");
}

// MODE-1
TEST(MountPlan, TellsTheTunnelToAskForRevocation) {
  EXPECT_NE(plan("tls,ocsp").tunnel_config_text.find("\nOCSPaia = yes\n"), std::string::npos);
  EXPECT_EQ(plan("tls,stunnel").tunnel_config_text.find("OCSP"), std::string::npos);
  auto settings = shipped();
  settings.mount.check_cert_validity = true;
  EXPECT_TRUE(plan("tls", settings).tunnel.ocsp);
  EXPECT_FALSE(plan("tls,noocsp", settings).tunnel.ocsp);
}

// TUN-1: --tls only for TLS mounts
TEST(MountPlan, StartsTheTunnelWithTlsOnlyForTlsMounts) {
  const std::vector<std::string> plain = {"/usr/bin/efs-proxy",
                                          "/run/efs-test/stunnel-config.fs-deadbeef.mnt.efs.20407",
                                          "--no-direct-s3-read"};
  EXPECT_EQ(plan("rw").tunnel_command, plain);
  EXPECT_EQ(plan("tls").tunnel_command[2], "--tls");
}

// DNS-8
TEST(MountPlan, TakesTheZoneFromTheNameThatIsChecked) {
  EXPECT_EQ(certificateHost("us-east-1a.fs-1.efs.us-east-1.amazonaws.com", "fs-1"),
            "fs-1.efs.us-east-1.amazonaws.com");
}

// DNS-8, TUN-10
TEST(MountPlan, ChecksTheCertificateForTheNameFromTheFileSystemIdOn) {
  const auto p = plan("tls");
  EXPECT_EQ(p.tunnel.connect_host, "us-east-1a.fs-deadbeef.efs.us-east-1.amazonaws.com");
  EXPECT_EQ(p.tunnel.check_host, "fs-deadbeef.efs.us-east-1.amazonaws.com");
  EXPECT_EQ(p.tunnel.verify, 2);
}

// DNS-8
TEST(MountPlan, ConnectsToAGivenAddressButChecksTheName) {
  const auto p = plan("tls", shipped(), "/mnt/efs", "10.9.8.7");
  EXPECT_EQ(p.tunnel.connect_host, "10.9.8.7");
  EXPECT_EQ(p.tunnel.check_host, "fs-deadbeef.efs.us-east-1.amazonaws.com");
}

TEST(MountPlan, LeavesTheNameUncheckedOnlyWhenTheConfigSaysSo) {
  auto settings = shipped();
  settings.mount.check_cert_hostname = false;
  EXPECT_EQ(plan("tls", settings).tunnel.check_host, "");
}

// Contract 25 item 19
TEST(MountPlan, TellsTheTunnelWhoMayConnect) {
  auto settings = shipped();
  EXPECT_TRUE(plan("tls", settings).tunnel.allow_uids.empty());
  settings.mount.allow_local_uids = {1000};
  EXPECT_EQ(plan("tls", settings).tunnel.allow_uids, std::vector<uid_t>{1000});
  settings.mount.allow_any_local_uid = true;
  EXPECT_TRUE(plan("rw", settings).tunnel.allow_any_uid);
}

TEST(MountPlan, AllowsTheTunnelOneConnectionUnlessTheConfigSaysMore) {
  auto settings = shipped();
  EXPECT_EQ(plan("tls", settings).tunnel.max_connections, 1);
  settings.mount.max_connections = 5;
  EXPECT_EQ(plan("rw", settings).tunnel.max_connections, 5);
}

TEST(MountPlan, ConfinesTheTunnelWhereTheConfigurationAsksForIt) {
  auto settings = shipped();
  EXPECT_FALSE(plan("tls", settings).tunnel.confine);
  settings.mount.confine_tunnel = true;
  EXPECT_TRUE(plan("rw", settings).tunnel.confine);
}

TEST(MountPlan, HandsConfiguredSuitesToTheTunnel) {
  auto settings = shipped();
  EXPECT_EQ(plan("tls", settings).tunnel.ciphers, "");
  settings.mount.tls_ciphers = "ECDHE+AESGCM";
  EXPECT_EQ(plan("tls", settings).tunnel.ciphers, "ECDHE+AESGCM");
}

// Section 14, CRED-10
TEST(MountPlan, StateHoldsWhatARenewalNeeds) {
  const auto p = plan("tls,iam,accesspoint=fsap-0123456789abcdef0");
  EXPECT_EQ(p.state.pid, -1);
  EXPECT_EQ(p.state.cmd, p.tunnel_command);
  EXPECT_EQ(p.state.files, std::vector<std::string>{p.paths.tunnel_config});
  EXPECT_EQ(p.state.mount_state_dir, "fs-deadbeef.mnt.efs.20407+");
  EXPECT_EQ(p.state.common_name.size(), 64U);
  EXPECT_EQ(p.state.certificate_creation_time, "260102030405Z");
  EXPECT_EQ(p.state.aws_credentials_method, "credentials:default");
  EXPECT_EQ(p.state.credentials_expiration, "260102030405Z");
  EXPECT_EQ(p.state.access_point, "fsap-0123456789abcdef0");
  EXPECT_EQ(p.state.service_type, "elasticfilesystem");
  ASSERT_TRUE(p.certificate);
  EXPECT_EQ(p.certificate->fs_id, "fs-deadbeef");
}

// NET-1, UP-3: an older watchdog executes the command as it stands, we never do.
TEST(MountPlan, RecordsTheNetworkNamespaceForAnOlderWatchdog) {
  const auto p = plan("tls,netns=/proc/77/ns/net");
  EXPECT_EQ(p.tunnel_command[0], "/usr/bin/efs-proxy");
  ASSERT_EQ(p.state.cmd.size(), p.tunnel_command.size() + 2);
  EXPECT_EQ(p.state.cmd[0], "nsenter");
  EXPECT_EQ(p.state.cmd[1], "--net=/proc/77/ns/net");
  EXPECT_EQ(p.state.cmd[2], "/usr/bin/efs-proxy");
}

// Section 15: the three logging keys of [proxy], only when the section exists
TEST(MountPlan, TakesTheTunnelsLoggingFromTheProxySection) {
  auto settings = shipped();
  settings.proxy.emplace();
  settings.proxy->logging_level = "DEBUG";
  settings.proxy->logging_max_bytes = "4096";
  settings.proxy->logging_file_count = "junk";
  const auto p = plan("tls", settings);
  EXPECT_EQ(p.tunnel.proxy_logging_level, "DEBUG");
  EXPECT_EQ(p.tunnel.log_max_bytes, 4096U);
  EXPECT_EQ(p.tunnel.log_file_count, 10);
}

// ST-5
TEST(MountPlan, PlainMountsHaveNoCertificateAndNoSecretDirectory) {
  const auto p = plan("rw");
  EXPECT_FALSE(p.certificate);
  EXPECT_EQ(p.state.mount_state_dir, "");
  EXPECT_EQ(p.state.certificate, "");
}

// OPT of the user wins over the default; the read-ahead follows it (NFS-8)
TEST(MountPlan, ReadAheadFollowsTheUsersReadSize) {
  EXPECT_EQ(plan("rsize=65536").rsize, 65536U);
  EXPECT_EQ(plan("rsize=junk").rsize, 1048576U);
}

// Section 21, CERT-4
TEST(MountPlan, S3FilesDiffersInServiceVersionLogAndHelper) {
  const auto p = plan("ro", shipped(), "/mnt/efs", "", FileSystemKind::kS3Files);
  EXPECT_EQ(p.state.service_type, "s3files");
  ASSERT_TRUE(p.certificate);
  EXPECT_EQ(p.certificate->service, "s3files");
  EXPECT_TRUE(p.certificate->credentials);
  EXPECT_EQ(p.nfs.options.value("nfsvers"), "4.2");
  EXPECT_EQ(p.nfs.umount_helper, "s3files");
  EXPECT_EQ(p.tunnel.log_file, "/var/log/amazon/efs/fs-deadbeef.mnt.efs.20407.efs-proxy.log");
  // No reads past the mount target.
  EXPECT_EQ(p.tunnel_command.back(), "--no-direct-s3-read");
  EXPECT_EQ(plan("tls").tunnel.log_file, "");
}

}  // namespace
}  // namespace efs::mount_helper
