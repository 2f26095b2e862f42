// In which network namespace a mount's NFS client lives, and by which path that one can be entered.
// For a child: all processes are looked at, and namespaces are entered.
#pragma once

#include <sys/types.h>

#include <string>

#include "efs/base/result.h"

namespace efs::watchdog {

// A file as /run/netns/<name> (preferred: it stays) or /proc/<pid>/ns/net, of a namespace whose
// client has this superblock. kNotFound: nothing holds such a one any more; the kernel may keep it
// all the same, but nobody can enter it.
Result<std::string> findNetwork(dev_t device, const std::string& proc = "/proc");

}  // namespace efs::watchdog
