// The layers of the configuration (settings.h), the later over the earlier. Private to the library.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/settings/ini_file.h"

namespace efs::settings {

inline constexpr const char* kVariablePrefix = "EFSMOUNT_";

// "mount-watchdog.poll_interval_sec" -> "EFSMOUNT_MOUNT_WATCHDOG_POLL_INTERVAL_SEC".
std::string variableName(const std::string& known_key);
// `path`, efsmount.conf beside it, and this process's variables; the result has the name of `path`.
Result<IniFile> loadLayers(const std::string& path);

}  // namespace efs::settings
