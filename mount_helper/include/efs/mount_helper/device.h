// The first argument of mount.efs: which file system, which directory in it (contract section 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::mount_helper {

struct Device {
  std::string fs_id;       // fs-0123456789abcdef0
  std::string path = "/";  // directory on the file system, absolute
  // Only when a DNS name was given:
  std::string dns_name;               // as given, without a trailing dot
  std::optional<std::string> az;      // AZ label in front of the file system id
  std::optional<std::string> region;  // region label
};

// Accepts fs-<hex>, fs-<hex>:/path and [<az>.]fs-<hex>.efs.<region>.<suffix>[:/path].
Result<Device> parseDevice(std::string_view text);

bool isFileSystemId(std::string_view text);  // DEV-2

}  // namespace efs::mount_helper
