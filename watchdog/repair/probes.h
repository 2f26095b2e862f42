// What is asked by children that can be killed (child_job.h): the bodies of those children.
#pragma once

#include <string>
#include <vector>

#include "efs/base/result.h"
#include "judge/ladder.h"

namespace efs::watchdog {

inline constexpr unsigned kProbeDeadlineSeconds = 5;
inline constexpr unsigned kRootDeadlineSeconds = 10;
inline constexpr unsigned kTargetDeadlineSeconds = 15;

// A NULL call on an own connection through the tunnel.
Result<std::string> askTunnel(int port);
Probe judgeProbe(const Result<std::string>& answer);

// statx(2) of the mount's root, past all caches. Not statfs(2): that is about the file system, and
// some servers answer it for a root that is gone. A server that still holds the deleted directory
// open says no ESTALE, but that it has no name left: the same, nothing can be made in it.
Result<std::string> askRoot(const std::string& mountpoint);
Root judgeRoot(const Result<std::string>& answer);

// Does a server accept connections at any address of `host`?
Result<std::string> askTarget(const std::string& host, int port);
// Where the mount targets of a file system may be found. `name`, its regional name, leads only to
// the own zone's target; each zone has a name "<zone>.<name>", and zones of a region are called
// <region>a to f. S3 Files has only names by the ids of zones: `current`, the name that is in use,
// tells how they begin ("use1-az2."). A name that is not AWS's own stands for itself alone.
std::vector<std::string> targetNames(const std::string& name, const std::string& region,
                                     const std::string& current = {});
// The first address of `names` that accepts connections and is none of `current`'s.
Result<std::string> findOtherTarget(const std::vector<std::string>& names,
                                    const std::string& current, int port);

// The command line of a process: its reader waits for the memory lock of a stuck process.
Result<std::string> askCommandLine(pid_t pid);
std::vector<std::string> decodeCommandLine(const std::string& text);

}  // namespace efs::watchdog
