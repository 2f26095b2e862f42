// Keys that nothing reads: misspelt ones do nothing, and nobody would notice. Private to the
// library.
#pragma once

#include <string>
#include <vector>

#include "efs/settings/ini_file.h"

namespace efs::settings {

// One line for each section, key and variable of the layers that is none of `known`
// ("section.key") and none of efs-utils', with the nearest that is.
std::vector<std::string> unknownKeys(const IniFile& ini, const std::vector<std::string>& known);

}  // namespace efs::settings
