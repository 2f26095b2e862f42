// Keys that nothing reads: misspelt ones do nothing, and nobody would notice. Private to the
// library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/settings/ini_file.h"

namespace efs::settings {

// Sections of one region: [mount.us-east-1] (CONF-2).
inline constexpr std::string_view kRegionPrefix = "mount.";

// One line for each section, key and variable of the layers that is none of `known`
// ("section.key") and none of efs-utils', with the nearest that is.
std::vector<std::string> unknownKeys(const IniFile& ini, const std::vector<std::string>& known);

}  // namespace efs::settings
