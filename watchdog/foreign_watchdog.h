// Finds a running watchdog of efs-utils (Python), which knows no lock and would fight with us over
// the same state files (contract UP-4, efs-utils issue 265).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace efs::watchdog {

// Its pid, or nullopt. By /proc/<pid>/comm and the exe link only: both never wait for a stuck
// process, as cmdline does. Only our own pid namespace is visible.
std::optional<pid_t> findForeignWatchdog(const std::string& proc = "/proc");

}  // namespace efs::watchdog
