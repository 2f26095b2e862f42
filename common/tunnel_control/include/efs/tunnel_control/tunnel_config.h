// The tunnel's configuration file (contract section 15): written by mount.efs, read by efs-proxy;
// the form is that of efs-utils, so files of one are read by the other.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/log.h"
#include "efs/base/nfs_port.h"
#include "efs/base/result.h"

namespace efs::tunnel_control {

struct TunnelConfig {
  // Global part.
  bool fips = false;
  bool debug = false;    // `debug = debug`
  std::string log_file;  // `output`; empty = no log file
  std::string pid_file;
  // [efs] part.
  int accept_port = 0;       // accept = 127.0.0.1:<port>
  std::string connect_host;  // name or IP literal, without brackets
  int connect_port = kNfsPort;
  int verify = 2;           // 0 = chain not checked
  std::string ca_file;      // empty = none named
  std::string certificate;  // `cert`, `key`: client certificate; empty without TLS
  std::string private_key;
  std::string check_host;  // empty = name not checked
  std::string ciphers;     // OpenSSL's names; empty = our own choice. Written only when set
  bool ocsp = false;       // `OCSPaia`: ask whether the server's certificate was revoked
  Duration mount_retry_timeout{15000};             // retry_nfs_mount_command_timeout_sec
  std::optional<std::string> proxy_logging_level;  // set = all three logging keys are written
  std::size_t log_max_bytes = 1048576;
  int log_file_count = 10;
  std::string fs_id;
  std::string region;
  std::string version;  // efs_utils_version
  // `allow_local_uids`: who may connect beside uid 0; "any" or uids with commas. A key of our own,
  // written only when needed; efs-utils ignores it.
  bool allow_any_uid = false;
  std::vector<uid_t> allow_uids;

  // `max_connections`: to the mount target for one client (upstream/ of the tunnel); 1 = never
  // more. A key of our own, written only when it is not 1.
  int max_connections = 1;

  // `confine`: on = no capabilities, own files, own system calls (efs/confine/confinement.h). A key
  // of our own, written only when it is on.
  bool confine = false;

  // `log_writer`: "own" (log.h), or missing. A key of our own as well.
  log::Writer log_writer = log::Writer::kShared;

  // Exact text in the order of section 15; `tls` adds the TLS lines. The form has no quoting: a
  // control character in a value becomes '?', so that no value can add a line of its own.
  std::string serialize(bool tls) const;
  // Reads what any efs-utils <= 3.2.0 wrote (both modes). Unknown keys and sections are ignored;
  // an error names the file (`name`), line and key.
  static Result<TunnelConfig> parse(std::string_view text, const std::string& name);
  static Result<TunnelConfig> load(const std::string& path);
};

// The log of the tunnel of a mount whose configuration names none.
std::string defaultTunnelLog(const std::string& mount_name);

}  // namespace efs::tunnel_control
