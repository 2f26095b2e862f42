// Finds a running watchdog of efs-utils (Python), which knows no lock and would fight with us over
// the same state files (contract UP-4, efs-utils issue 265).
//
// Whoever counts makes us idle, so that anybody's process of that name must not: it is root's, in
// our user and pid namespace, and its /var/run/efs is our state directory, the very inode. What may
// not be looked at does not count: an old watchdog has no more rights than we have.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace efs::watchdog {

// Its pid, or nullopt. By comm, status and the links exe, ns/* and root of /proc/<pid>: none of
// them waits for a stuck process, as cmdline does. Only then, and only of root's own processes, the
// directory itself is looked at, and a child with a deadline asks for the name of the script, of
// which comm has only the beginning.
std::optional<pid_t> findForeignWatchdog(const std::string& state_dir,
                                         const std::string& proc = "/proc");

}  // namespace efs::watchdog
