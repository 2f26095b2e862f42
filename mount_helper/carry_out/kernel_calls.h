// KernelCalls: what a mount asks of the kernel's NFS client. A test without one answers in its
// place.
#pragma once

#include <sys/types.h>

#include <functional>

#include "efs/base/result.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/kernel_identifier.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"

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
  std::function<Status(dev_t device, unsigned long rsize_bytes)> set_read_ahead =
      mounts::setReadAhead;
};

}  // namespace efs::mount_helper
