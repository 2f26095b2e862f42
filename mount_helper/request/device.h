// The first argument of mount.efs: which file system, which directory in it (contract section 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::mount_helper {

struct Device {
  // fs-0123456789abcdef0. Empty where the device does not tell: `own_name`, `address`, and the ARN
  // of an access point need the mount option fsid, or a CNAME record that leads to EFS.
  std::string fs_id;
  std::string path = "/";  // directory on the file system, absolute

  // A DNS name was given: as given, without a trailing dot; lower case if it is `own_name`.
  std::optional<std::string> dns_name;
  // That name is not one that EFS makes: an alias (DEV-3), or a name of the user's own.
  bool own_name = false;
  // An IPv4 or IPv6 literal was given, here without brackets.
  std::optional<std::string> address;

  std::optional<std::string> az;            // AZ label in front of the file system id
  std::optional<std::string> region;        // region label of a DNS name
  std::optional<std::string> arn_region;    // region of an ARN
  std::optional<std::string> access_point;  // of an access point's ARN
};

// Accepts, each alone or with :/path behind it,
//   fs-<hex>
//   [<az>.]fs-<hex>.efs.<region>.<suffix>
//   any other host name
//   10.0.0.1, [fd00::1]
//   arn:<partition>:elasticfilesystem:<region>:<account>:file-system/fs-<hex>
//   arn:<partition>:elasticfilesystem:<region>:<account>:access-point/fsap-<hex>
Result<Device> parseDevice(std::string_view text);

// DEV-3: what the name in `device` stands for, now that its canonical name is known. The canonical
// name must be one that EFS makes: kInvalidInput otherwise.
Result<Device> withCanonicalName(Device device, const std::string& canonical_name);

bool isFileSystemId(std::string_view text);  // DEV-2

}  // namespace efs::mount_helper
