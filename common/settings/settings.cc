#include "efs/settings/settings.h"

#include <charconv>

#include "efs/base/text.h"
#include "key_reader.h"
#include "layers.h"
#include "unknown_keys.h"

namespace efs::settings {
namespace {

using Bad = KeyReader::Bad;

constexpr const char* kMount = "mount";
constexpr const char* kWatchdog = "mount-watchdog";
constexpr const char* kProxy = "proxy";
constexpr const char* kCloudWatch = "cloudwatch-log";
constexpr const char* kClientInfo = "client-info";

// Far above any sense, far below overflow when turned into milliseconds.
constexpr std::int64_t kMaxSeconds = 366LL * 24 * 3600;
constexpr std::int64_t kMaxMinutes = kMaxSeconds / 60;
constexpr std::int64_t kMaxLogBytes = 1LL << 40U;
constexpr std::int64_t kMaxLogFiles = 1000;

// These five stand in [DEFAULT] as shipped, but [mount] may override them.
void readLog(KeyReader& keys, Settings& settings) {
  if (const auto level = keys.text(kMount, "logging_level")) {
    const auto parsed = log::parseLevel(*level);
    // "off" is ours alone; a log that says nothing is not among the contract's levels.
    if (parsed && *parsed != log::Level::kOff) {
      settings.log.level = *parsed;
    } else {
      keys.warn("Malformed logging level \"" + printable(*level) +
                "\", setting logging level to INFO");
      keys.tookDefault("INFO");
    }
  } else {
    keys.took("INFO");
  }
  keys.number(kMount, "logging_max_bytes", Bad::kError, 0, kMaxLogBytes, settings.log.max_bytes);
  keys.number(kMount, "logging_file_count", Bad::kError, 0, kMaxLogFiles, settings.log.file_count);
  bool own_writer = settings.log.writer == log::Writer::kOwn;
  keys.choice(kMount, "log_writer", Bad::kDefault, "shared", "own", own_writer);
  settings.log.writer = own_writer ? log::Writer::kOwn : log::Writer::kShared;
}

void readStateMode(KeyReader& keys, mode_t& out) {
  const auto text = keys.text(kMount, "state_file_dir_mode");
  if (!text) return keys.took("750");
  unsigned mode = 0;
  const char* end = text->data() + text->size();
  const auto [stop, code] = std::from_chars(text->data(), end, mode, 8);
  if (code == std::errc() && stop == end && mode <= 0777) {
    out = static_cast<mode_t>(mode);
  } else {
    keys.reject(kMount, "state_file_dir_mode", Bad::kDefault, *text, "an octal file mode");
    keys.tookDefault("750");
  }
}

void readSeconds(KeyReader& keys, const char* section, const char* key, Bad bad, std::int64_t low,
                 Duration& out) {
  std::int64_t seconds = out.count() / 1000;
  keys.number(section, key, bad, low, kMaxSeconds, seconds);
  out = std::chrono::seconds(seconds);
}

void readMinutes(KeyReader& keys, const char* section, const char* key, Duration& out) {
  std::int64_t minutes = std::chrono::duration_cast<std::chrono::minutes>(out).count();
  keys.number(section, key, Bad::kDefault, 1, kMaxMinutes, minutes);
  out = std::chrono::minutes(minutes);
}

// A typing error that was taken for "nobody else" would be noticed late, so it is an error.
void readLocalUids(KeyReader& keys, MountSettings& mount) {
  const auto value = keys.text(kMount, "allow_local_uids");
  if (!value || value->empty()) return;
  mount.allow_any_local_uid = toLower(*value) == "any";
  if (mount.allow_any_local_uid) return;
  for (const auto& part : split(*value, ',')) {
    // The highest uid means "none" to the kernel.
    const auto uid = parseInt(trim(part));
    if (!uid || *uid < 0 || *uid >= std::int64_t{UINT32_MAX}) {
      return keys.reject(kMount, "allow_local_uids", Bad::kError, *value,
                         "\"any\" or uids with commas");
    }
    mount.allow_local_uids.push_back(static_cast<uid_t>(*uid));
  }
}

void readMount(KeyReader& keys, MountSettings& mount) {
  keys.text(kMount, "dns_name_format", mount.dns_name_format);
  keys.text(kMount, "dns_name_suffix", mount.dns_name_suffix);
  keys.text(kMount, "stunnel_cafile", mount.ca_file);
  keys.text(kMount, "tls_ciphers", mount.tls_ciphers);
  mount.region = keys.text(kMount, "region");
  mount.az_id = keys.text(kMount, "az_id");
  keys.flag(kMount, "stunnel_debug_enabled", Bad::kError, mount.tunnel_debug);
  mount.tunnel_log_file = keys.text(kMount, "stunnel_logs_file");
  keys.flag(kMount, "stunnel_check_cert_hostname", Bad::kError, mount.check_cert_hostname);
  keys.flag(kMount, "stunnel_check_cert_validity", Bad::kError, mount.check_cert_validity);
  keys.flag(kMount, "fips_mode_enabled", Bad::kError, mount.fips_mode);
  keys.number(kMount, "max_connections", Bad::kError, 1, 16, mount.max_connections);
  keys.choice(kMount, "confine", Bad::kError, "off", "on", mount.confine_tunnel);
  keys.number(kMount, "port_range_lower_bound", Bad::kError, 1, 65535, mount.port_lower);
  keys.number(kMount, "port_range_upper_bound", Bad::kError, 1, 65536, mount.port_upper);
  keys.flag(kMount, "optimize_readahead", Bad::kError, mount.optimize_readahead);
  keys.flag(kMount, "fall_back_to_mount_target_ip_address_enabled", Bad::kError,
            mount.fall_back_to_mount_target_ip);
  keys.flag(kMount, "disable_fetch_ec2_metadata_token", Bad::kError,
            mount.disable_ec2_metadata_token);
  keys.flag(kMount, "credential_fallthrough", Bad::kError, mount.credential_fallthrough);
  keys.flag(kMount, "retry_nfs_mount_command", Bad::kError, mount.retry_nfs_mount);
  keys.number(kMount, "retry_nfs_mount_command_count", Bad::kDefault, 1, 1000,
              mount.retry_nfs_mount_count);
  readSeconds(keys, kMount, "retry_nfs_mount_command_timeout_sec", Bad::kDefault, 1,
              mount.retry_nfs_mount_timeout);
  // A slip must not bring back what the switch was to turn off.
  keys.choice(kMount, "mount_api", Bad::kError, "auto", "classic", mount.classic_mount_api);
  // A name that two hosts share gives both the same locks: no guessing.
  keys.choice(kMount, "client_identifier", Bad::kError, "auto", "classic",
              mount.classic_client_identifier);
  readLocalUids(keys, mount);
}

void readWatchdog(KeyReader& keys, WatchdogSettings& watchdog) {
  keys.flag(kWatchdog, "enabled", Bad::kDefault, watchdog.enabled);
  readSeconds(keys, kWatchdog, "poll_interval_sec", Bad::kDefault, 1, watchdog.poll_interval);
  keys.number(kWatchdog, "unmount_count_for_consistency", Bad::kDefault, 0, 1000000,
              watchdog.unmount_count_for_consistency);
  readSeconds(keys, kWatchdog, "unmount_grace_period_sec", Bad::kDefault, 0,
              watchdog.unmount_grace_period);
  readMinutes(keys, kWatchdog, "tls_cert_renewal_interval_min",
              watchdog.certificate_renewal_interval);
  keys.flag(kWatchdog, "stunnel_health_check_enabled", Bad::kDefault,
            watchdog.health_check_enabled);
  readMinutes(keys, kWatchdog, "stunnel_health_check_interval_min", watchdog.health_check_interval);
  readSeconds(keys, kWatchdog, "stunnel_health_check_command_timeout_sec", Bad::kDefault, 1,
              watchdog.health_check_timeout);
  readSeconds(keys, kWatchdog, "hang_detection_sec", Bad::kDefault, 0, watchdog.hang_detection);
  bool stays = !watchdog.az_failover;
  keys.choice(kWatchdog, "az_failover", Bad::kDefault, "auto", "off", stays);
  watchdog.az_failover = !stays;
  readSeconds(keys, kWatchdog, "az_failover_after_sec", Bad::kDefault, 10,
              watchdog.az_failover_after);
  keys.flag(kWatchdog, "allow_identity_change", Bad::kDefault, watchdog.allow_identity_change);
  keys.flag(kWatchdog, "remount_stale", Bad::kDefault, watchdog.remount_stale);
  readSeconds(keys, kWatchdog, "remount_after_sec", Bad::kDefault, 0, watchdog.remount_after);
  int days = static_cast<int>(watchdog.tunnel_log_age.count() / 24);
  keys.number(kWatchdog, "tunnel_log_days", Bad::kDefault, 0, 3650, days);
  watchdog.tunnel_log_age = std::chrono::hours(24 * days);
  keys.number(kWatchdog, "tunnel_log_files", Bad::kDefault, 0, 100000, watchdog.tunnel_log_files);
  for (const auto& address : split(keys.text(kWatchdog, "metrics_listen").value_or(""), ',')) {
    if (!trim(address).empty()) watchdog.metrics_listen.emplace_back(trim(address));
  }
  keys.text(kWatchdog, "status_group", watchdog.status_group);
}

ProxySettings readProxy(KeyReader& keys) {
  return {keys.text(kProxy, "proxy_logging_level"), keys.text(kProxy, "proxy_logging_max_bytes"),
          keys.text(kProxy, "proxy_logging_file_count")};
}

void readCloudWatch(KeyReader& keys, CloudWatchSettings& cloudwatch) {
  keys.flag(kCloudWatch, "enabled", Bad::kDefault, cloudwatch.enabled);
  keys.text(kCloudWatch, "log_group_name", cloudwatch.log_group_name);
  int days = 0;
  keys.number(kCloudWatch, "retention_in_days", Bad::kDefault, 1, 3653, days);
  if (days > 0) cloudwatch.retention_days = days;
}

// Characters, not bytes: the bytes 10xxxxxx continue a UTF-8 character.
std::size_t characterCount(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
  return count;
}

void readClientSource(KeyReader& keys, std::string& out) {
  const auto source = keys.text(kClientInfo, "source");
  if (source && !source->empty() && characterCount(*source) <= 100) {
    out = *source;
  } else {
    keys.tookDefault(out);
  }
}

}  // namespace

std::string configPath(FileSystemKind kind) {
  const std::string_view efs(kConfigPath);
  return std::string(efs.substr(0, efs.rfind('/') + 1)).append(factsOf(kind).config);
}

Result<Settings> Settings::load(const std::string& path, FileSystemKind kind) {
  EFS_TRY(ini, loadLayers(path));
  return fromIni(ini, kind);
}

// All keys, and what is wrong with them; the caller looks at keys.failure().
Settings Settings::read(KeyReader& keys, const IniFile& ini, FileSystemKind kind) {
  Settings settings;
  settings.mount.kind = kind;
  settings.mount.dns_name_suffix = factsOf(kind).dns_name_suffix;
  readLog(keys, settings);
  readStateMode(keys, settings.state_dir_mode);
  readMount(keys, settings.mount);
  readWatchdog(keys, settings.watchdog);
  if (ini.hasSection(kProxy)) settings.proxy = readProxy(keys);
  readCloudWatch(keys, settings.cloudwatch);
  readClientSource(keys, settings.client_source);
  for (const auto& section : ini.sections()) {
    if (section.compare(0, kRegionPrefix.size(), kRegionPrefix) != 0) continue;
    settings.region_overrides_.push_back({section.substr(kRegionPrefix.size()),
                                          keys.text(section.c_str(), "dns_name_suffix"),
                                          keys.text(section.c_str(), "stunnel_cafile")});
  }
  settings.warnings = keys.takeWarnings();
  return settings;
}

Result<Settings> Settings::fromIni(const IniFile& ini, FileSystemKind kind) {
  KeyReader keys(ini);
  Settings settings = read(keys, ini, kind);
  if (keys.failure()) return Error(*keys.failure());
  settings.unknown = unknownKeys(ini, knownKeys());
  return settings;
}

Result<ConfigReport> ConfigReport::load(const std::string& path, FileSystemKind kind) {
  EFS_TRY(ini, loadLayers(path));
  KeyReader keys(ini);
  const Settings settings = Settings::read(keys, ini, kind);
  ConfigReport report;
  report.values = keys.values();
  report.warnings = settings.warnings;
  report.unknown = unknownKeys(ini, Settings::knownKeys());
  report.failure = keys.failure();
  return report;
}

std::vector<std::string> Settings::knownKeys() {
  IniFile empty;
  empty.set(kProxy, "proxy_logging_level", "", "");
  KeyReader keys(empty);
  (void)read(keys, empty, FileSystemKind::kEfs);
  std::vector<std::string> known;
  for (const auto& value : keys.values()) known.push_back(value.section + "." + value.key);
  return known;
}

MountSettings Settings::forRegion(const std::string& region) const {
  MountSettings merged = mount;
  for (const auto& entry : region_overrides_) {
    if (entry.region != region) continue;
    if (entry.dns_name_suffix) merged.dns_name_suffix = *entry.dns_name_suffix;
    // CFG-3: a region section without this key falls back to [mount].
    if (entry.ca_file) merged.ca_file = *entry.ca_file;
  }
  return merged;
}

}  // namespace efs::settings
