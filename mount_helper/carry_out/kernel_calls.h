// KernelCalls: what a mount asks of the kernel's NFS client and of its mount table. A test without
// them answers in its place.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "efs/base/result.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/kernel_identifier.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/mounts/unmount.h"

namespace efs::mount_helper {

struct KernelCalls {
  std::function<Status()> load = mounts::loadNfs;
  std::function<Result<mounts::MountOutcome>(const mounts::NfsMountRequest&,
                                             const mounts::MountRules&)>
      mount =
          [](const auto& request, const auto& rules) { return mounts::mountNfs(request, rules); };
  // Of the calling thread's network namespace.
  mounts::KernelOpener identifier = mounts::KernelIdentifier::open;
  // Whether an NFS client of the calling thread's network namespace still asks for this port.
  std::function<Result<bool>(int port)> uses_port = [](int port) {
    return mounts::kernelUsesTunnelPort(port, "/proc/thread-self/net");
  };
  // The superblocks of that network namespace (mounts::mayBeOfNetwork).
  std::function<Result<std::string>()> volumes = [] {
    return mounts::readVolumes("/proc/thread-self/net");
  };
  std::function<Status(dev_t device, unsigned long rsize_bytes)> set_read_ahead =
      mounts::setReadAhead;
  std::function<Result<mounts::MountTable>()> mount_table = mounts::MountTable::readKernel;
  std::function<Status(const std::string& target, bool lazy, Duration patience)> unmount =
      mounts::unmount;
};

}  // namespace efs::mount_helper
