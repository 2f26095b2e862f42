// SystemKernel: the running kernel's own tables, or files in their form.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "daemon/directory_watch.h"
#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"
#include "tools/kernel.h"

namespace efs::watchdog {

// Where the kernel shows what no system call tells; other files in tests.
struct KernelFiles {
  std::string mountinfo;                    // empty: the kernel's
  std::string proc_net = "/proc/self/net";  // nfsfs/servers, nfsfs/volumes, rpc/nfs
  std::string mountstats = "/proc/self/mountstats";
  std::string locks = {};  // empty: the kernel's
  std::string sockets = "/proc/self/net/tcp";
};

class SystemKernel final : public Kernel {
 public:
  explicit SystemKernel(KernelFiles files) : files_(std::move(files)) {}

  // Calls `changed` from the loop whenever the table may differ from the one last read.
  Status watchMounts(loop::EventLoop& loop, std::function<void()> changed);

  Result<mounts::MountTable> mountTable() override;
  mounts::MountIdentity identityOf(const mounts::MountEntry& entry) override;
  bool stillAttached(const mounts::MountIdentity& mount) override;
  Result<bool> clientHoldsPort(int port, const std::string& network) override;
  Result<bool> clientHasDevice(dev_t device, const std::string& network) override;
  Result<procfs::SocketTable> sockets(const std::string& network) override;
  Result<std::set<int>> unreadPorts() override;
  Result<std::string> rpcCounters() override;
  Result<MountStats> mountStats() override;
  Result<LockTable> locks() override;
  Result<bool> keepReadAhead(dev_t device, unsigned long rsize) override;

 private:
  KernelFiles files_;
  UniqueFd monitor_;
  std::optional<DirectoryWatch> file_watch_;
  loop::EventLoop::Watch watch_;  // of one of them
};

}  // namespace efs::watchdog
