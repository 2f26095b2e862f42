#include "efs/settings/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "efs/test_support/temp_dir.h"

namespace efs::settings {
namespace {

Result<Settings> settingsFrom(std::string_view text) {
  auto ini = IniFile::parse(text, "test.conf");
  if (!ini) return Error(ini.error());
  return Settings::fromIni(*ini);
}

Settings good(std::string_view text) {
  auto settings = settingsFrom(text);
  EXPECT_TRUE(settings.has_value()) << settings.error().message();
  return settings ? *std::move(settings) : Settings();
}

std::string failureOf(std::string_view text) {
  const auto settings = settingsFrom(text);
  return settings ? "accepted" : settings.error().message();
}

// Contract 11.1: a missing file is an empty configuration; 11.2: the defaults.
TEST(Settings, HasTheContractsDefaultsForAnEmptyFile) {
  const test_support::TempDir dir;
  const auto loaded = Settings::load(dir.at("absent.conf"));
  ASSERT_TRUE(loaded.has_value());
  EXPECT_TRUE(loaded->warnings.empty());
  EXPECT_EQ(loaded->log.level, log::Level::kInfo);
  EXPECT_EQ(loaded->log.max_bytes, 1048576U);
  EXPECT_EQ(loaded->log.file_count, 10);
  EXPECT_EQ(loaded->state_dir_mode, 0750U);
  EXPECT_EQ(loaded->mount.dns_name_format, "");
  EXPECT_EQ(loaded->mount.dns_name_suffix, "amazonaws.com");
  EXPECT_EQ(loaded->mount.ca_file, "/etc/amazon/efs/efs-utils.crt");
  EXPECT_EQ(loaded->mount.port_lower, 0);
  EXPECT_FALSE(loaded->mount.optimize_readahead);
  EXPECT_TRUE(loaded->mount.check_cert_hostname);
  EXPECT_TRUE(loaded->mount.fall_back_to_mount_target_ip);
  EXPECT_EQ(loaded->mount.retry_nfs_mount_count, 3);
  EXPECT_EQ(loaded->mount.retry_nfs_mount_timeout, Duration(15000));
  EXPECT_TRUE(loaded->watchdog.enabled);
  EXPECT_EQ(loaded->watchdog.poll_interval, Duration(1000));
  EXPECT_EQ(loaded->watchdog.unmount_count_for_consistency, 5);
  EXPECT_EQ(loaded->watchdog.unmount_grace_period, Duration(30000));
  EXPECT_EQ(loaded->watchdog.certificate_renewal_interval, std::chrono::minutes(60));
  EXPECT_EQ(loaded->watchdog.health_check_interval, std::chrono::minutes(5));
  EXPECT_EQ(loaded->watchdog.health_check_timeout, Duration(30000));
  EXPECT_FALSE(loaded->proxy.has_value());
  EXPECT_EQ(loaded->client_source, "unknown");
}

TEST(Settings, ReadsEveryKind) {
  const Settings settings = good(
      "[DEFAULT]\nlogging_level = Debug\nstate_file_dir_mode = 700\n"
      "[mount]\nregion = eu-west-1\naz_id = euw1-az1\nfips_mode_enabled = YES\n"
      "stunnel_logs_file = /l/{fs_id}\nstunnel_check_cert_hostname = off\n"
      "port_range_lower_bound = 65535\nport_range_upper_bound = 65536\n"
      "[mount-watchdog]\nenabled = 0\npoll_interval_sec = 7\n");
  EXPECT_EQ(settings.log.level, log::Level::kDebug);
  EXPECT_EQ(settings.state_dir_mode, 0700U);
  EXPECT_EQ(settings.mount.region, "eu-west-1");
  EXPECT_EQ(settings.mount.az_id, "euw1-az1");
  EXPECT_EQ(settings.mount.tunnel_log_file, "/l/{fs_id}");
  EXPECT_TRUE(settings.mount.fips_mode);
  EXPECT_FALSE(settings.mount.check_cert_hostname);
  EXPECT_EQ(settings.mount.port_lower, 65535);
  EXPECT_EQ(settings.mount.port_upper, 65536);
  EXPECT_FALSE(settings.watchdog.enabled);
  EXPECT_EQ(settings.watchdog.poll_interval, Duration(7000));
}

// CFG-1
TEST(Settings, IgnoresUnknownSectionsAndKeys) {
  EXPECT_TRUE(good("[mount]\nnew_key = %%\n[future]\nk = v\n").warnings.empty());
}

// Contract 11.2: an unknown logging level is INFO plus an error line.
TEST(Settings, TakesInfoForAnUnknownLoggingLevel) {
  for (const char* level : {"loud", "off", ""}) {
    const Settings settings = good("[DEFAULT]\nlogging_level = " + std::string(level) + "\n");
    EXPECT_EQ(settings.log.level, log::Level::kInfo);
    ASSERT_EQ(settings.warnings.size(), 1U) << level;
    EXPECT_EQ(settings.warnings[0].find("Malformed logging level"), 0U);
  }
}

// Contract 11.2: below 1 or not a number means the default for these keys.
TEST(Settings, TakesTheDefaultForBadRetryKeys) {
  for (const char* bad : {"0", "-1", "many", "", "99999999999999999999"}) {
    const std::string value(bad);
    const Settings settings = good("[mount]\nretry_nfs_mount_command_count = " + value +
                                   "\nretry_nfs_mount_command_timeout_sec = " + value + "\n");
    EXPECT_EQ(settings.mount.retry_nfs_mount_count, 3) << bad;
    EXPECT_EQ(settings.mount.retry_nfs_mount_timeout, Duration(15000)) << bad;
    EXPECT_EQ(settings.warnings.size(), 2U) << bad;
  }
}

TEST(Settings, TakesTheDefaultForABadStateDirectoryMode) {
  for (const char* bad : {"9", "1777", "rwx", "75 0"}) {
    const Settings settings = good("[DEFAULT]\nstate_file_dir_mode = " + std::string(bad) + "\n");
    EXPECT_EQ(settings.state_dir_mode, 0750U) << bad;
    EXPECT_EQ(settings.warnings.size(), 1U) << bad;
  }
}

TEST(Settings, WarnsAboutBadWatchdogKeysInsteadOfFailing) {
  const Settings settings = good(
      "[mount-watchdog]\nenabled = perhaps\npoll_interval_sec = soon\n"
      "unmount_grace_period_sec = -3\ntls_cert_renewal_interval_min = 0\n");
  EXPECT_TRUE(settings.watchdog.enabled);
  EXPECT_EQ(settings.watchdog.poll_interval, Duration(1000));
  EXPECT_EQ(settings.watchdog.unmount_grace_period, Duration(30000));
  EXPECT_EQ(settings.watchdog.certificate_renewal_interval, std::chrono::minutes(60));
  ASSERT_EQ(settings.warnings.size(), 4U);
  EXPECT_EQ(settings.warnings[0],
            "test.conf: [mount-watchdog] enabled = \"perhaps\" is not true or false, using the "
            "default");
}

TEST(Settings, MountApiIsAutoOrClassic) {
  EXPECT_FALSE(good("").mount.classic_mount_api);
  EXPECT_FALSE(good("[mount]\nmount_api = auto\n").mount.classic_mount_api);
  EXPECT_TRUE(good("[mount]\nmount_api = classic\n").mount.classic_mount_api);
  EXPECT_FALSE(good("[mount]\nmount_api =\n").mount.classic_mount_api) << "as if absent";
  EXPECT_EQ(failureOf("[mount]\nmount_api = clasic\n"),
            "test.conf: [mount] mount_api = \"clasic\" is not \"auto\" or \"classic\"");
}

TEST(Settings, NamesFileSectionAndKeyOfABadMountValue) {
  EXPECT_EQ(failureOf("[mount]\noptimize_readahead = maybe\n"),
            "test.conf: [mount] optimize_readahead = \"maybe\" is not true or false");
  EXPECT_EQ(
      failureOf("[mount]\nport_range_lower_bound = 70000\n"),
      "test.conf: [mount] port_range_lower_bound = \"70000\" is not a number from 1 to 65535");
  EXPECT_EQ(failureOf("[DEFAULT]\nlogging_max_bytes = 1M\n[mount]\n"),
            "test.conf: [mount] logging_max_bytes = \"1M\" is not a number from 0 to "
            "1099511627776");
  EXPECT_EQ(failureOf("[mount]\nregion = 5%\n"),
            "test.conf: [mount] region: \"%\" must be followed by \"%\" or \"(name)s\"");
}

// Contract 11.2, [client-info]: 1-100 characters, else unknown.
TEST(Settings, BoundsTheClientSource) {
  const auto source = [](const std::string& text) {
    return good("[client-info]\nsource = " + text + "\n").client_source;
  };
  EXPECT_EQ(source("k8s"), "k8s");
  EXPECT_EQ(source(""), "unknown");
  EXPECT_EQ(source(std::string(100, 'x')), std::string(100, 'x'));
  EXPECT_EQ(source(std::string(101, 'x')), "unknown");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
  EXPECT_EQ(source(umlauts), umlauts);
}

// DNS-2, CFG-3
TEST(Settings, LaysARegionSectionOverMount) {
  const Settings settings = good(
      "[mount]\ndns_name_suffix = amazonaws.com\nstunnel_cafile = /own.pem\n"
      "[mount.cn-north-1]\ndns_name_suffix = amazonaws.com.cn\n"
      "[mount.us-iso-east-1]\nstunnel_cafile = /iso.pem\n");
  EXPECT_EQ(settings.forRegion("cn-north-1").dns_name_suffix, "amazonaws.com.cn");
  EXPECT_EQ(settings.forRegion("cn-north-1").ca_file, "/own.pem");
  EXPECT_EQ(settings.forRegion("us-iso-east-1").dns_name_suffix, "amazonaws.com");
  EXPECT_EQ(settings.forRegion("us-iso-east-1").ca_file, "/iso.pem");
  EXPECT_EQ(settings.forRegion("eu-west-1").ca_file, "/own.pem");
}

TEST(Settings, WhoWritesTheLogs) {
  EXPECT_EQ(good("").log.writer, log::Writer::kShared);
  EXPECT_EQ(good("[DEFAULT]\nlog_writer = own\n").log.writer, log::Writer::kOwn);
  const Settings bad = good("[DEFAULT]\nlog_writer = me\n");
  EXPECT_EQ(bad.log.writer, log::Writer::kShared);
  EXPECT_EQ(bad.warnings.size(), 1U);
}

TEST(Settings, ReadsHowManyConnectionsATunnelMayOpen) {
  EXPECT_EQ(good("").mount.max_connections, 1);
  EXPECT_EQ(good("[mount]\nmax_connections = 5\n").mount.max_connections, 5);
  for (const char* bad : {"0", "17", "many"})
    EXPECT_NE(failureOf("[mount]\nmax_connections = " + std::string(bad) + "\n"), "") << bad;
}

TEST(Settings, ConfinesTunnelsWhereTheConfigurationAsksForIt) {
  EXPECT_FALSE(good("").mount.confine_tunnel);
  EXPECT_TRUE(good("[mount]\nconfine = on\n").mount.confine_tunnel);
  EXPECT_NE(failureOf("[mount]\nconfine = maybe\n"), "");
}

TEST(Settings, ReadsTheSuitesOfTls) {
  EXPECT_EQ(good("").mount.tls_ciphers, "");
  EXPECT_EQ(good("[mount]\ntls_ciphers = TLS_AES_128_GCM_SHA256:ECDHE+AESGCM\n").mount.tls_ciphers,
            "TLS_AES_128_GCM_SHA256:ECDHE+AESGCM");
}

// Contract 25 item 19: a key of our own.
TEST(Settings, ReadsWhoMayUseATunnelBesideRoot) {
  EXPECT_TRUE(good("").mount.allow_local_uids.empty());
  EXPECT_TRUE(good("[mount]\nallow_local_uids =\n").mount.allow_local_uids.empty());
  const Settings some = good("[mount]\nallow_local_uids = 1000, 65534\n");
  EXPECT_EQ(some.mount.allow_local_uids, (std::vector<uid_t>{1000, 65534}));
  EXPECT_FALSE(some.mount.allow_any_local_uid);
  EXPECT_TRUE(good("[mount]\nallow_local_uids = Any\n").mount.allow_any_local_uid);
  for (const char* bad : {"root", "1000,", "-1", "4294967295", "1000 1001", "any,1"}) {
    EXPECT_NE(failureOf("[mount]\nallow_local_uids = " + std::string(bad) + "\n")
                  .find("[mount] allow_local_uids = "),
              std::string::npos)
        << bad;
  }
}

// Section 15: the three logging keys go to the tunnel only if the section exists.
TEST(Settings, KnowsWhetherTheProxySectionExists) {
  const Settings settings = good("[proxy]\nproxy_logging_level = DEBUG\n");
  ASSERT_TRUE(settings.proxy.has_value());
  EXPECT_EQ(settings.proxy->logging_level, "DEBUG");
  EXPECT_FALSE(settings.proxy->logging_max_bytes.has_value());
  EXPECT_TRUE(good("[proxy]\n").proxy.has_value());
}

}  // namespace
}  // namespace efs::settings
