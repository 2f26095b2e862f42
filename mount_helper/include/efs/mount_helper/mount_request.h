// MountRequest: what the user asked for, validated (contract sections 3 and 5). Nothing has been
// touched when this exists, and nothing is touched before it does.
#pragma once

#include <optional>
#include <string>

#include "efs/base/result.h"
#include "efs/mount_helper/command_line.h"
#include "efs/mount_helper/device.h"
#include "efs/mounts/mount_options.h"

namespace efs::mount_helper {

struct MountRequest {
  Device device;
  std::string mountpoint;  // absolute, without "." and ".." components; symbolic links stay (ST-1)
  bool fake = false;
  bool remount = false;

  bool tls = false;
  bool iam = false;
  std::optional<int> tls_port;
  std::optional<int> verify;  // 0 = server certificate not checked; default 2
  std::optional<std::string> ca_file;
  std::optional<std::string> aws_profile;
  std::optional<std::string> credentials_uri;     // option awscredsuri, begins with "/"
  std::optional<std::string> role_arn, jwt_path;  // options rolearn, jwtpath
  std::optional<std::string> access_point;
  std::optional<std::string> az;
  std::optional<std::string> region;
  std::optional<std::string> mount_target_ip;

  // Everything that is not ours, in the user's order: generic mount flags and nfs(5) options
  // (OPT-4).
  mounts::OptionList nfs_options;
  // The list as given, for the log.
  std::string raw_options;
};

// Errors carry the texts of contract section 5 and end the program with code 1.
Result<MountRequest> makeMountRequest(const CommandLine& command);

}  // namespace efs::mount_helper
