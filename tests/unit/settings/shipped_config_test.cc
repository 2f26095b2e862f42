// The shipped configuration against the contract's table (section 11.2, column "shipped value"),
// and its README against what the code reads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "efs/base/text.h"
#include "efs/settings/settings.h"
#include "efs/test_support/temp_dir.h"

namespace efs::settings {
namespace {

const std::string kShipped = std::string(EFS_CONFIG) + "/efs-utils.conf";

struct Row {
  const char* section;
  const char* key;
  const char* value;  // null: shipped as a comment
};

constexpr auto kTable = std::to_array<Row>({
    {"DEFAULT", "logging_level", "INFO"},
    {"DEFAULT", "logging_max_bytes", "1048576"},
    {"DEFAULT", "logging_file_count", "10"},
    {"DEFAULT", "state_file_dir_mode", "750"},
    {"mount", "dns_name_format", "{az}.{fs_id}.efs.{region}.{dns_name_suffix}"},
    {"mount", "dns_name_suffix", "amazonaws.com"},
    {"mount", "region", nullptr},
    {"mount", "az_id", nullptr},
    {"mount", "stunnel_debug_enabled", "false"},
    {"mount", "stunnel_logs_file", nullptr},
    {"mount", "stunnel_cafile", "/etc/amazon/efs/efs-utils.crt"},
    {"mount", "stunnel_check_cert_hostname", "true"},
    {"mount", "stunnel_check_cert_validity", "false"},
    {"mount", "fips_mode_enabled", "false"},
    {"mount", "port_range_lower_bound", "20049"},
    {"mount", "port_range_upper_bound", "21049"},
    {"mount", "optimize_readahead", "true"},
    {"mount", "fall_back_to_mount_target_ip_address_enabled", "true"},
    {"mount", "disable_fetch_ec2_metadata_token", "false"},
    {"mount", "retry_nfs_mount_command", "true"},
    {"mount", "retry_nfs_mount_command_count", "3"},
    {"mount", "retry_nfs_mount_command_timeout_sec", "15"},
    {"mount-watchdog", "enabled", "true"},
    {"mount-watchdog", "poll_interval_sec", "1"},
    {"mount-watchdog", "unmount_count_for_consistency", "5"},
    {"mount-watchdog", "unmount_grace_period_sec", "30"},
    {"mount-watchdog", "tls_cert_renewal_interval_min", "60"},
    {"mount-watchdog", "stunnel_health_check_enabled", "true"},
    {"mount-watchdog", "stunnel_health_check_interval_min", "5"},
    {"mount-watchdog", "stunnel_health_check_command_timeout_sec", "30"},
    {"client-info", "source", nullptr},
    {"cloudwatch-log", "enabled", nullptr},
    {"cloudwatch-log", "log_group_name", "/aws/efs/utils"},
    {"cloudwatch-log", "retention_in_days", "14"},
});

TEST(ShippedConfig, HasTheContractsValues) {
  const auto ini = IniFile::load(kShipped);
  ASSERT_TRUE(ini.has_value()) << ini.error().message();
  for (const auto& row : kTable) {
    const auto value = ini->find(row.section, row.key);
    ASSERT_TRUE(value.has_value()) << row.key;
    EXPECT_EQ(value->value_or("<none>"), row.value == nullptr ? "<none>" : row.value) << row.key;
  }
  for (const char* section : {"mount", "mount-watchdog", "client-info", "cloudwatch-log"}) {
    EXPECT_TRUE(ini->hasSection(section)) << section;
  }
  EXPECT_FALSE(ini->hasSection("proxy"));
}

TEST(ShippedConfig, IsAcceptedWithoutWarning) {
  const auto settings = Settings::load(kShipped);
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_TRUE(settings->warnings.empty());
  EXPECT_EQ(settings->client_source, "unknown");
  EXPECT_EQ(settings->mount.port_upper, 21049);
}

// CFG-2
TEST(ShippedConfig, HasTheContractsRegions) {
  const std::string iso = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
  const std::array<std::array<std::string, 3>, 10> regions{{
      {"cn-north-1", "amazonaws.com.cn", kDefaultCaFile},
      {"cn-northwest-1", "amazonaws.com.cn", kDefaultCaFile},
      {"eu-isoe-west-1", "cloud.adc-e.uk", iso},
      {"eusc-de-east-1", "amazonaws.eu", iso},
      {"us-iso-east-1", "c2s.ic.gov", iso},
      {"us-iso-west-1", "c2s.ic.gov", iso},
      {"us-isob-east-1", "sc2s.sgov.gov", iso},
      {"us-isob-west-1", "sc2s.sgov.gov", iso},
      {"us-isof-east-1", "csp.hci.ic.gov", iso},
      {"us-isof-south-1", "csp.hci.ic.gov", iso},
  }};
  const auto settings = Settings::load(kShipped);
  ASSERT_TRUE(settings.has_value());
  for (const auto& [region, suffix, ca_file] : regions) {
    EXPECT_EQ(settings->forRegion(region).dns_name_suffix, suffix) << region;
    EXPECT_EQ(settings->forRegion(region).ca_file, ca_file) << region;
  }
  const auto ini = IniFile::load(kShipped);
  ASSERT_TRUE(ini.has_value());
  std::size_t count = 0;
  for (const auto& section : ini->sections()) count += section.rfind("mount.", 0) == 0 ? 1U : 0U;
  EXPECT_EQ(count, regions.size());
}

// Section 11, section 21: the file of mount.s3files.
TEST(ShippedConfig, OfS3FilesHasItsNamesAndRegions) {
  const std::string path = std::string(EFS_CONFIG) + "/s3files-utils.conf";
  const auto settings = Settings::load(path, FileSystemKind::kS3Files);
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_TRUE(settings->warnings.empty());
  EXPECT_TRUE(settings->unknown.empty()) << settings->unknown.front();
  EXPECT_EQ(settings->mount.dns_name_format, "{az_id}.{fs_id}.s3files.{region}.{dns_name_suffix}");
  EXPECT_EQ(settings->mount.dns_name_format, shippedNameFormat(FileSystemKind::kS3Files));
  EXPECT_TRUE(settings->cloudwatch.enabled);
  ASSERT_TRUE(settings->proxy);
  EXPECT_EQ(settings->proxy->logging_level, "INFO");
  EXPECT_EQ(settings->forRegion("us-east-1").dns_name_suffix, "on.aws");
  EXPECT_EQ(settings->forRegion("cn-north-1").dns_name_suffix, "on.amazonwebservices.com.cn");
  EXPECT_EQ(settings->forRegion("cn-northwest-1").dns_name_suffix, "on.amazonwebservices.com.cn");
  // The others are those of EFS, as efs-utils ships them.
  const auto efs = Settings::load(kShipped);
  ASSERT_TRUE(efs.has_value());
  for (const char* region :
       {"eu-isoe-west-1", "eusc-de-east-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1",
        "us-isob-west-1", "us-isof-east-1", "us-isof-south-1"}) {
    EXPECT_EQ(settings->forRegion(region).dns_name_suffix, efs->forRegion(region).dns_name_suffix);
    EXPECT_EQ(settings->forRegion(region).ca_file, efs->forRegion(region).ca_file);
  }
  EXPECT_FALSE(IniFile::load(path)->hasSection("mount-watchdog"));
}

// CFG-1
TEST(ShippedConfig, OfS3FilesMayLackItsSuffix) {
  const auto settings = Settings::fromIni(*IniFile::parse("", "x"), FileSystemKind::kS3Files);
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->mount.dns_name_suffix, "on.aws");
}

// Section 11: efsmount.conf has what efs-utils does not know, as comments that say what holds.
TEST(ShippedConfig, OurFileShowsTheDefaultsOfOurKeys) {
  const auto text = test_support::contentOf(std::string(EFS_CONFIG) + "/efsmount.conf");
  const test_support::TempDir dir;
  std::string uncommented;
  for (const auto& line : split(text, '\n')) {
    const bool key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    uncommented += (key ? line.substr(1) : line) + "\n";
  }
  const auto plain = ConfigReport::load(dir.write("efs-utils.conf", ""));
  dir.write("efsmount.conf", uncommented);
  const auto shown = ConfigReport::load(dir.at("efs-utils.conf"));
  ASSERT_TRUE(plain.has_value() && shown.has_value());
  EXPECT_TRUE(shown->unknown.empty());
  std::size_t ours = 0;
  for (std::size_t i = 0; i < plain->values.size(); ++i) {
    if (shown->values[i].origin == "built-in") continue;
    ++ours;
    EXPECT_EQ(shown->values[i].value, plain->values[i].value) << shown->values[i].key;
    const bool known = std::any_of(kTable.begin(), kTable.end(),
                                   [&](const Row& row) { return row.key == shown->values[i].key; });
    EXPECT_FALSE(known) << shown->values[i].key << " is a key of efs-utils";
  }
  EXPECT_EQ(ours, 18U);
}

TEST(ShippedConfig, ReadmeExplainsEveryKeyThatIsRead) {
  const std::string readme = test_support::contentOf(std::string(EFS_CONFIG) + "/README.md");
  const auto keys = Settings::knownKeys();
  EXPECT_GT(keys.size(), 30U);
  for (const auto& key : keys) {
    const std::string cell = "| `" + key.substr(key.find('.') + 1) + "` |";
    EXPECT_NE(readme.find(cell), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace efs::settings
