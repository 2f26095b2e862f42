// The logs of tunnels whose mounts are gone. A tunnel's log bears the name of its mount, port and
// all, so that each mount leaves files behind: they are kept for a while, and not more than so
// many.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/settings/settings.h"

namespace efs::watchdog {

struct TunnelLog {
  std::string file;   // name in the directory of the logs
  std::string mount;  // whose tunnel wrote it
  WallTime written;   // last
};
// nullopt for what is no log of a tunnel: "fs-1.mnt.20049.efs-proxy.log", or with ".3" behind it.
std::optional<std::string> mountOfLog(const std::string& file);

// Which of them go: those of no mount in `living` that are older than the settings say, and of the
// others all but the newest. Pure.
std::vector<std::string> endedLogs(std::vector<TunnelLog> logs, const std::set<std::string>& living,
                                   const settings::WatchdogSettings& settings, WallTime now);

// Removes them from `directory`. Nothing is removed where the directory of the state cannot be
// read: whose configuration lies there is alive, as are `supervised`.
void clearEndedLogs(const std::string& directory, const std::string& state_directory,
                    std::set<std::string> supervised, const settings::WatchdogSettings& settings,
                    WallTime now);

}  // namespace efs::watchdog
