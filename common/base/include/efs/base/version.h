// Versions this build tells to people, servers and files.
#pragma once

#include <string>
#include <string_view>

namespace efs {

// Our own version, from the CMake project.
std::string_view productVersion();

// The amazon-efs-utils release whose contract this build keeps; what scripts parse out of --version
// and what its proxy expects in the tunnel's configuration file (efs_utils_version).
inline constexpr std::string_view kContractVersion = "3.2.0";

// "<program> Version: <contract version> (efsmount <ours>)" and a line feed: what --version prints.
std::string versionLine(std::string_view program);

// What client certificates name as client version (contract CERT-8): ours, recognisably.
std::string clientVersion();

}  // namespace efs
