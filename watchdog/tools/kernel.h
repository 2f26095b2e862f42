// Kernel: what the kernel shows of mounts, of who uses a tunnel's port, and of the NFS client's
// traffic. Nothing here asks a server or waits for a mount. An error is "unknown", never "no".
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "efs/base/result.h"
#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_table.h"
#include "efs/procfs/socket_table.h"
#include "observe/lock_table.h"
#include "observe/mount_stats.h"

namespace efs::watchdog {

// `network`, where a function has one: "/proc/<pid>/net" of a process in the network namespace that
// is meant; empty: our own.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // /proc/self/mountinfo.
  virtual Result<mounts::MountTable> mountTable() = 0;
  // Which mount an entry of the table is, and whether that one is still attached.
  virtual mounts::MountIdentity identityOf(const mounts::MountEntry& entry) = 0;
  virtual bool stillAttached(const mounts::MountIdentity& mount) = 0;
  // The NFS client holds the port, mounted or not (/proc/net/nfsfs).
  virtual Result<bool> clientHoldsPort(int port, const std::string& network) = 0;
  // The superblock is one of this network namespace's NFS client (/proc/net/nfsfs/volumes).
  virtual Result<bool> clientHasDevice(dev_t /*device*/, const std::string& /*network*/) {
    return Error(ErrorKind::kUnsupported, "the kernel does not tell");
  }
  // /proc/net/tcp.
  virtual Result<procfs::SocketTable> sockets(const std::string& network) = 0;
  // Ports of 127.0.0.1 whose owner leaves bytes or connections waiting (/proc/net/tcp).
  virtual Result<std::set<int>> unreadPorts() = 0;
  // /proc/net/rpc/nfs: changes whenever the NFS client calls; otherwise opaque.
  virtual Result<std::string> rpcCounters() = 0;
  virtual Result<MountStats> mountStats() = 0;
  virtual Result<LockTable> locks() = 0;
  // WD-12; true where the value of the device had to be corrected. A file of sysfs.
  virtual Result<bool> keepReadAhead(dev_t device, unsigned long rsize) = 0;
};

}  // namespace efs::watchdog
