// Locks whose file was deleted (rm -rf of a state directory's content): flock(2) belongs to the
// inode, so the owner still has its lock and the next one makes a file of the same name and gets
// one, too. Only the kernel still knows of the first.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace efs {

// The processes that hold a flock(2), by the text of /proc/locks (proc(5)): each once, in no order,
// without those that wait. The kernel writes 0 or less for one of a pid namespace outside of ours.
std::vector<pid_t> flockHolders(std::string_view proc_locks);

// The process, other than this one, that holds the lock of a file of our user's that was deleted as
// `path`.
// nullopt: none, or none that may be looked at (CAP_SYS_PTRACE, another pid namespace). Looks at
// links only, so it waits for no file system.
std::optional<pid_t> holderOfDeleted(const std::string& path);

}  // namespace efs
