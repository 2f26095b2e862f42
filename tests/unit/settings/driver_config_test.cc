// The configuration that the AWS EFS CSI driver writes at each start, with its key set and its
// layout: blanks after a section's name, no blanks around "=", a key of the driver's own, no proxy
// section.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "efs/settings/settings.h"
#include "efs/test_support/temp_dir.h"

namespace efs::settings {
namespace {

std::string driverConfig(const std::string& region, const std::string& fips,
                         const std::string& upper_bound) {
  return "\n[DEFAULT]\nlogging_level = INFO\nlogging_max_bytes = 1048576\nlogging_file_count = 10\n"
         "state_file_dir_mode = 750\n\n"
         "[mount]\ndns_name_format = {az}.{fs_id}.efs.{region}.{dns_name_suffix}\n"
         "dns_name_suffix = amazonaws.com\n" +
         (region.empty() ? "#region = us-east-1" : "region = " + region) +
         "\nstunnel_debug_enabled = false\nstunnel_cafile = /etc/amazon/efs/efs-utils.crt\n"
         "csi_driver_version=v2.1.8\n\nstunnel_check_cert_hostname = true\n"
         "stunnel_check_cert_validity = false\n" +
         (fips.empty() ? "#fips_mode_enabled = false" : "fips_mode_enabled = " + fips) +
         "\nport_range_lower_bound = 20049\nport_range_upper_bound = " + upper_bound +
         "\noptimize_readahead = true\nfall_back_to_mount_target_ip_address_enabled = true\n"
         "disable_fetch_ec2_metadata_token = false\n\n"
         "[mount.cn-north-1]\ndns_name_suffix = amazonaws.com.cn\n\n"
         "[mount-watchdog]\nenabled = true\npoll_interval_sec = 1\n"
         "unmount_count_for_consistency = 5\nunmount_grace_period_sec = 30\n"
         "tls_cert_renewal_interval_min = 60\nstunnel_health_check_enabled = true\n"
         "stunnel_health_check_interval_min = 5\nstunnel_health_check_command_timeout_sec = 30\n"
         "enable_version_check = false\n\n"
         "[client-info] \nsource=k8s\n\n"
         "[cloudwatch-log]\n# enabled = true\nlog_group_name = /aws/efs/utils\n"
         "retention_in_days = 14\n";
}

Settings loaded(const std::string& text) {
  const test_support::TempDir dir;
  auto settings = Settings::load(dir.write("efs-utils.conf", text));
  EXPECT_TRUE(settings.has_value()) << settings.error().describe();
  return settings ? *std::move(settings) : Settings();
}

// CFG-5, CSI-8
TEST(DriverConfig, IsAcceptedWithoutWarning) {
  const Settings settings = loaded(driverConfig("", "", "21049"));
  EXPECT_TRUE(settings.warnings.empty());
  EXPECT_TRUE(settings.unknown.empty()) << settings.unknown.front();
  EXPECT_EQ(settings.client_source, "k8s");
  EXPECT_FALSE(settings.mount.region);
  EXPECT_FALSE(settings.mount.fips_mode);
  EXPECT_TRUE(settings.mount.optimize_readahead);
  EXPECT_EQ(settings.mount.retry_nfs_mount_count, 3) << "the driver's template has no such key";
  EXPECT_FALSE(settings.proxy.has_value());
  EXPECT_EQ(settings.forRegion("cn-north-1").dns_name_suffix, "amazonaws.com.cn");
  EXPECT_TRUE(settings.watchdog.enabled);
}

// The template of version 3.4.1 has keys that the earlier one above has not, and lacks two of its.
std::string driverConfig341() {
  std::string text = driverConfig("eu-west-1", "false", "21049");
  const auto change = [&text](const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  };
  change("csi_driver_version=v2.1.8\n", "");
  change("enable_version_check = false\n", "");
  change("# enabled = true\n", "enabled = false\n");
  change("optimize_readahead = true\n",
         "optimize_readahead = true\nretry_nfs_mount_command = true\n"
         "retry_nfs_mount_command_count = 3\nretry_nfs_mount_command_timeout_sec = 15\n");
  return text;
}

// CSI-8: keys of ours, which the driver would refuse, stand beside its file and in the pod's
// environment.
TEST(DriverConfig, OfVersion341IsAcceptedAndLeavesRoomForKeysOfOurs) {
  const test_support::TempDir dir;
  dir.write("efsmount.conf", "[mount-watchdog]\naz_failover = off\n");
  ::setenv("EFSMOUNT_MOUNT_MOUNT_API", "classic", 1);
  const auto settings = Settings::load(dir.write("efs-utils.conf", driverConfig341()));
  ::unsetenv("EFSMOUNT_MOUNT_MOUNT_API");
  ASSERT_TRUE(settings.has_value()) << settings.error().describe();
  EXPECT_TRUE(settings->warnings.empty());
  EXPECT_TRUE(settings->unknown.empty());
  EXPECT_EQ(settings->mount.region, "eu-west-1");
  EXPECT_FALSE(settings->cloudwatch.enabled);
  EXPECT_EQ(settings->client_source, "k8s");
  EXPECT_FALSE(settings->watchdog.az_failover);
  EXPECT_TRUE(settings->mount.classic_mount_api);
}

// CSI-8: what the driver fills in from AWS_DEFAULT_REGION, FIPS_ENABLED, PORT_RANGE_UPPER_BOUND.
TEST(DriverConfig, TakesWhatTheDriverFillsIn) {
  for (const char* fips : {"true", "True", "1"}) {
    const Settings settings = loaded(driverConfig("eu-west-1", fips, "30000"));
    EXPECT_EQ(settings.mount.region, "eu-west-1");
    EXPECT_TRUE(settings.mount.fips_mode) << fips;
    EXPECT_EQ(settings.mount.port_upper, 30000);
  }
}

// CSI-7: the directory is a symbolic link to a place on the host.
TEST(DriverConfig, IsReadThroughALinkedDirectory) {
  const test_support::TempDir dir;
  dir.write("efs-utils.conf", driverConfig("", "", "21049"));
  const test_support::TempDir other;
  std::filesystem::create_directory_symlink(dir.at(""), other.at("efs"));
  const auto settings = Settings::load(other.at("efs/efs-utils.conf"));
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->client_source, "k8s");
}

// CFG-1: as 1.x shipped it, before most keys existed.
TEST(DriverConfig, OldFilesGetTheDefaultsOfTheKeysTheyLack) {
  const Settings settings = loaded(
      "[DEFAULT]\nlogging_level = INFO\nlogging_max_bytes = 1048576\nlogging_file_count = 10\n\n"
      "[mount]\ndns_name_format = {fs_id}.efs.{region}.amazonaws.com\n"
      "stunnel_debug_enabled = false\nstunnel_cafile = /etc/amazon/efs/efs-utils.crt\n"
      "stunnel_check_cert_hostname = true\nstunnel_check_cert_validity = true\n"
      "port_range_lower_bound = 20049\nport_range_upper_bound = 20449\n\n"
      "[mount-watchdog]\nenabled = true\npoll_interval_sec = 1\nunmount_grace_period_sec = 30\n");
  EXPECT_TRUE(settings.warnings.empty());
  EXPECT_EQ(settings.mount.port_upper, 20449);
  EXPECT_EQ(settings.mount.dns_name_suffix, "amazonaws.com");
  EXPECT_TRUE(settings.mount.retry_nfs_mount);
  EXPECT_EQ(settings.watchdog.unmount_count_for_consistency, 5);
  EXPECT_EQ(settings.watchdog.certificate_renewal_interval, std::chrono::minutes(60));
}

}  // namespace
}  // namespace efs::settings
