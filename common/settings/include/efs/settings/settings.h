// Settings: efs-utils.conf with types, defaults and checks (contract 11.2). Pure data after load().
//
// A missing key has its default; a key that only one program needs (dns_name_format, the port
// range) is left empty or 0 for that program to refuse. A bad value of [mount] or [DEFAULT] is an
// error that names file, section and key, except where the contract says "default"; a bad value of
// [mount-watchdog] and [cloudwatch-log] is always the default and a warning: a typing error there
// must neither stop mounts nor leave running ones without supervision.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/file_system_kind.h"
#include "efs/base/log.h"
#include "efs/base/result.h"
#include "efs/settings/ini_file.h"

namespace efs::settings {

class KeyReader;

inline constexpr const char* kConfigPath = "/etc/amazon/efs/efs-utils.conf";
// Of mount.efs and the watchdog, or of mount.s3files.
std::string configPath(FileSystemKind kind);
// For the keys that are only ours: beside it, read after it.
inline constexpr const char* kOwnConfigName = "efsmount.conf";
inline constexpr const char* kDefaultCaFile = "/etc/amazon/efs/efs-utils.crt";

struct LogSettings {  // [DEFAULT]
  log::Level level = log::Level::kInfo;
  std::size_t max_bytes = 1048576;
  int file_count = 10;
  // log_writer = shared | own: who writes the files of this host's programs. Ours alone.
  log::Writer writer = log::Writer::kShared;
};

struct MountSettings {  // [mount], with [mount.<region>] applied by forRegion()
  FileSystemKind kind = FileSystemKind::kEfs;  // whose configuration it is
  std::string dns_name_format;                 // empty = missing: no mount without it
  std::string dns_name_suffix = "amazonaws.com";
  std::string ca_file = kDefaultCaFile;  // key stunnel_cafile
  std::optional<std::string> region;
  std::optional<std::string> az_id;
  bool tunnel_debug = false;                   // stunnel_debug_enabled
  std::optional<std::string> tunnel_log_file;  // stunnel_logs_file, may contain {fs_id}
  bool check_cert_hostname = true;
  bool check_cert_validity = false;
  bool fips_mode = false;
  int port_lower = 0;  // required unless tlsport is given; 0 = missing
  int port_upper = 0;  // half open
  bool optimize_readahead = false;
  bool fall_back_to_mount_target_ip = true;
  bool disable_ec2_metadata_token = false;
  // A failing source of credentials is skipped, as amazon-efs-utils does, instead of ending the
  // mount. Ours alone.
  bool credential_fallthrough = false;
  bool retry_nfs_mount = true;
  int retry_nfs_mount_count = 3;
  Duration retry_nfs_mount_timeout{15000};
  bool classic_mount_api = false;  // mount_api = auto | classic; ours alone
  // client_identifier = auto | classic: the NFS client's name, with or without what makes the host
  // unique.
  bool classic_client_identifier = false;
  // allow_local_uids: who may use a tunnel beside uid 0; not a key of efs-utils.
  bool allow_any_local_uid = false;  // "any"
  std::vector<uid_t> allow_local_uids;
  // To the mount target for one mount; 1 = never more. Not a key of efs-utils.
  int max_connections = 1;
  bool confine_tunnel = false;  // `confine`; not a key of efs-utils
  std::string tls_ciphers;      // empty = the tunnel's own choice; not a key of efs-utils
};

struct WatchdogSettings {  // [mount-watchdog]
  bool enabled = true;
  Duration poll_interval{1000};
  int unmount_count_for_consistency = 5;
  Duration unmount_grace_period{30000};
  Duration certificate_renewal_interval{std::chrono::minutes(60)};
  bool health_check_enabled = true;
  Duration health_check_interval{std::chrono::minutes(5)};
  Duration health_check_timeout{30000};
  Duration hang_detection{10000};  // 0 = off; told up to a third later
  bool az_failover = true;         // az_failover = auto | off
  Duration az_failover_after{30000};
  bool remount_stale = true;
  bool allow_identity_change = false;
  Duration remount_after{0};  // 0 = a mount that only hangs is never remounted
  // Of tunnels' logs whose mounts are gone: how old they become, and how many are kept.
  std::chrono::hours tunnel_log_age{14 * 24};  // tunnel_log_days
  int tunnel_log_files = 50;
  // Where `efsctl metrics --listen` answers, started and ended with the watchdog; empty: nowhere.
  std::vector<std::string> metrics_listen;
  std::string status_group;  // may ask at its local socket; empty: root alone
};

// Raw [proxy] logging keys, handed to the tunnel's config only when the section exists.
struct ProxySettings {
  std::optional<std::string> logging_level, logging_max_bytes, logging_file_count;
};

struct CloudWatchSettings {  // [cloudwatch-log]
  bool enabled = false;
  std::string log_group_name = "/aws/efs/utils";  // may contain {fs_id}
  std::optional<int> retention_days;              // missing: the group keeps its lines for ever
};

struct Settings {
  LogSettings log;
  mode_t state_dir_mode = 0750;
  MountSettings mount;
  WatchdogSettings watchdog;
  std::optional<ProxySettings> proxy;
  CloudWatchSettings cloudwatch;
  std::string client_source = "unknown";  // [client-info] source, 1-100 characters
  // What was wrong but survivable (bad number replaced by default, unknown log level): log these.
  std::vector<std::string> warnings;
  // Sections, keys and variables that nothing reads, in words, with what was probably meant. For
  // the watchdog to log: once, not at each mount.
  std::vector<std::string> unknown;

  // The file, over it efsmount.conf in the same directory, over both the variables
  // EFSMOUNT_<SECTION>_<KEY> of this process. Any of them may be absent.
  static Result<Settings> load(const std::string& path = kConfigPath,
                               FileSystemKind kind = FileSystemKind::kEfs);
  // The installed configuration of this kind.
  static Result<Settings> load(FileSystemKind kind) { return load(configPath(kind), kind); }
  static Result<Settings> fromIni(const IniFile& ini, FileSystemKind kind = FileSystemKind::kEfs);
  // "section.key" of everything fromIni() reads, without the region sections: for the
  // documentation.
  static std::vector<std::string> knownKeys();
  // [mount] with the keys of [mount.<region>] laid over it (contract DNS-2, CFG-3).
  MountSettings forRegion(const std::string& region) const;

 private:
  friend struct ConfigReport;
  static Settings read(KeyReader& keys, const IniFile& ini, FileSystemKind kind);

  struct RegionOverride {
    std::string region;
    std::optional<std::string> dns_name_suffix, ca_file;
  };
  std::vector<RegionOverride> region_overrides_;
};

// What `efsctl config` shows.
struct ConfigReport {
  // A key with the value that holds.
  struct Value {
    std::string section;
    std::string key;
    std::string value;   // empty: none, which the program then finds out or does without
    std::string origin;  // "FILE:LINE", "variable EFSMOUNT_...", or "built-in"
  };
  std::vector<Value> values;                   // in the order of the documentation
  std::vector<std::string> warnings, unknown;  // as Settings has them
  std::optional<Error> failure;                // why no mount is made with it

  // As Settings::load(); an error only where a file cannot be read or parsed.
  static Result<ConfigReport> load(const std::string& path = kConfigPath,
                                   FileSystemKind kind = FileSystemKind::kEfs);
};

}  // namespace efs::settings
