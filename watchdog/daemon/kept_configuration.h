// Copies of the configuration for the day on which dpkg takes it away: a purge of amazon-efs-utils
// deletes its conffiles, which are in use by us. postinst of our deb puts the copies back, and they
// are to be as the files were last, not as they were when the package was installed.
#pragma once

#include <string>

namespace efs::watchdog {

inline constexpr const char* kKeptConfiguration = "/var/lib/efsmount";

// Copies the configuration of each kind, where it has changed, from `directory` to `kept`. A file
// that is gone keeps its copy. Nothing is done where `kept` does not exist: other packages than the
// deb have no need of it. Failures are for the log alone. May wait for ever (SideWork).
void keepConfiguration(const std::string& directory, const std::string& kept);

}  // namespace efs::watchdog
