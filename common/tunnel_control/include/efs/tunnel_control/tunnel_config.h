// The tunnel's configuration file (contract section 15): written by mount.efs, read by efs-proxy;
// the form is that of efs-utils, so files of one are read by the other.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/log.h"
#include "efs/base/result.h"

namespace efs::tunnel_control {

struct TunnelConfig {
  // Global part.
  bool fips = false;
  std::string pid_file;
  bool debug = false;    // `debug = debug`
  std::string log_file;  // `output`; empty = no log file
  std::optional<std::string> proxy_logging_level;
  std::size_t log_max_bytes = 1048576;
  int log_file_count = 10;
  std::string fs_id;
  std::string region;
  std::string version;                  // efs_utils_version
  Duration mount_retry_timeout{15000};  // retry_nfs_mount_command_timeout_sec
  // [efs] part.
  int accept_port = 0;       // accept = 127.0.0.1:<port>
  std::string connect_host;  // name or IP literal, without brackets
  int connect_port = 2049;
  int verify = 2;  // 0 = chain not checked
  std::string ca_file;
  std::string certificate;  // `cert`, `key`: client certificate; empty without TLS
  std::string private_key;
  std::string check_host;  // empty = name not checked

  // Exact text in the order of section 15. `tls` adds the TLS lines.
  std::string serialize(bool tls) const;
  // Reads what any efs-utils <= 3.2.0 wrote (both modes); unknown keys are ignored, `name` is for
  // messages.
  static Result<TunnelConfig> parse(std::string_view text, const std::string& name);
  static Result<TunnelConfig> load(const std::string& path);
};

}  // namespace efs::tunnel_control
