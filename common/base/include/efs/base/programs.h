// Where a program is, and whether it is one.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs {

// The directories of efs-utils, for whoever is called without PATH, as mount(8) does (contract
// section 10).
inline constexpr std::string_view kProgramDirectories =
    "/sbin:/usr/sbin:/usr/local/sbin:/root/bin:/usr/local/bin:/usr/bin:/bin";

// A regular file that we may execute, perhaps through links.
bool isProgram(const std::string& path);
// The first one of this name in a list of directories in the form of PATH; entries that are no full
// path are left out. Empty: there is none.
std::string findProgram(std::string_view name, std::string_view directories);
// The same in directories that the user chooses ($PATH), whose file systems may be silent: looked
// for by a child with a deadline, see users_file.h. An error where they do not answer, or a signal
// came meanwhile: then nobody knows whether there is one.
Result<std::string> findUsersProgram(std::string_view name, std::string_view directories);

}  // namespace efs
