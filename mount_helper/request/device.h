// The first argument of mount.efs: which file system, which directory in it (contract section 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

struct Device {
  // fs-0123456789abcdef0. Empty where the device does not tell: `own_name`, `address`, and the ARN
  // of an access point need the mount option fsid, or a CNAME record that leads to EFS.
  std::string fs_id;
  std::string path = "/";  // directory on the file system, absolute

  // A DNS name was given: as given, without a trailing dot; lower case if it is `own_name`.
  std::optional<std::string> dns_name;
  // That name is not one that AWS makes: an alias (DEV-3), or a name of the user's own.
  bool own_name = false;
  // An IPv4 or IPv6 literal was given, here without brackets.
  std::optional<std::string> address;

  // The label in front of the file system id: a zone's name, or for S3 Files its id.
  std::optional<std::string> az, zone_id;
  std::optional<std::string> region;        // region label of a DNS name
  std::optional<std::string> arn_region;    // region of an ARN
  std::optional<std::string> access_point;  // of an access point's ARN
};

// Accepts, each alone or with :/path behind it, with the label and the service of this kind,
//   fs-<hex>
//   [<az>.]fs-<hex>.<label>.<region>.<suffix>
//   any other host name
//   10.0.0.1, [fd00::1]
//   arn:<partition>:<service>:<region>:<account>:file-system/fs-<hex>
//   arn:<partition>:<service>:<region>:<account>:access-point/fsap-<hex>
Result<Device> parseDevice(std::string_view text, FileSystemKind kind = FileSystemKind::kEfs);

// DEV-3: what the name in `device` stands for, now that its canonical name is known. The canonical
// name must be one of this kind: kInvalidInput otherwise.
Result<Device> withCanonicalName(Device device, const std::string& canonical_name,
                                 FileSystemKind kind = FileSystemKind::kEfs);

bool isFileSystemId(std::string_view text);  // DEV-2

// "fs-0123 has 4 digits, an id has 17 (old ones 8)"; empty where the number is right. Ids of any
// length are taken (DEV-2): this is for who does not find one.
std::string idDoubt(std::string_view fs_id);

}  // namespace efs::mount_helper
