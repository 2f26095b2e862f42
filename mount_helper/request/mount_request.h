// MountRequest: what the user asked for, validated (contract sections 3 and 5). Nothing has been
// touched when this exists, and nothing is touched before it does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"
#include "efs/mounts/mount_options.h"
#include "request/command_line.h"
#include "request/device.h"

namespace efs::mount_helper {

struct MountRequest {
  FileSystemKind kind = FileSystemKind::kEfs;
  Device device;
  std::string mountpoint;  // absolute, without "." and ".." components; symbolic links stay (ST-1)
  bool fake = false;
  bool remount = false;

  bool tls = false;
  bool iam = false;
  std::optional<int> tls_port;
  std::optional<int> verify;  // 0 = server certificate not checked; default 2
  std::optional<bool> ocsp;   // options ocsp and noocsp; nullopt = as configured
  bool stunnel = false;       // MODE-1: our own tunnel serves it
  bool no_tunnel = false;     // option notunnel
  std::optional<std::string> ca_file;
  std::optional<std::string> aws_profile;
  std::optional<std::string> credentials_uri;     // option awscredsuri, begins with "/"
  std::optional<std::string> role_arn, jwt_path;  // options rolearn, jwtpath
  std::optional<std::string> access_point;
  std::optional<std::string> az;
  std::optional<std::string> zone_id;  // option azid, or the device's label; of S3 Files alone
  std::optional<std::string> region;
  // mounttargetip: addresses to try in this order, separated by '+' (',' separates options and ';'
  // means something to the shell).
  std::vector<std::string> mount_target_ips;
  bool cross_account = false;        // DNS-3
  std::optional<std::string> netns;  // NET-1: absolute path; absent = our own network namespace

  // Everything that is not ours, in the user's order: generic mount flags and nfs(5) options
  // (OPT-4).
  mounts::OptionList nfs_options;
  // The list as given, for the log.
  std::string raw_options;

  // MODE-1: `OCSPaia` of the tunnel, by option or else as configured.
  bool asksRevocation(bool configured) const { return ocsp.value_or(configured); }
};

// Errors carry the texts of contract section 5 and end the program with code 1.
Result<MountRequest> makeMountRequest(const CommandLine& command);

// There is no file of this name to check the server's certificate with, whoever named it.
Error caFileMissing(const std::string& path);

// DEV-3, DEV-5: the device's name turned out to be an alias of this one.
Status adoptCanonicalName(MountRequest& request, const std::string& canonical_name);

}  // namespace efs::mount_helper
