// The processes of /proc (proc(5)), one walk for all who look for somebody: a tunnel, the holder of
// a mount, a watchdog of another product. What a failed look means says process_look.h.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::procfs {

// "/proc/<pid>/<entry>"
std::string ofProcess(pid_t pid, std::string_view entry, const std::string& proc = "/proc");

// Calls `visit` with each process that there is, until it says false. A process may be gone by the
// time it is looked at.
Status forEachProcess(const std::function<bool(pid_t)>& visit, const std::string& proc = "/proc");

// /proc/<pid>/comm: at most 15 characters of its program's name, or what it calls itself. Does not
// wait for a stuck process, as its command line does.
Result<std::string> processName(pid_t pid, const std::string& proc = "/proc");

// The value of a line of /proc/<pid>/status, without the blanks around it. nullopt: no such process
// or line.
std::optional<std::string> statusField(pid_t pid, std::string_view field,
                                       const std::string& proc = "/proc");

}  // namespace efs::procfs
