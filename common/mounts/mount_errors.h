// What failed mounts are told as.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/error.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mounts {

// The texts of mount.nfs (contract NFS-6) for the errno of mount(2) or its successors. `words`:
// what the kernel itself said, may be empty.
Error kernelError(const NfsMountRequest& request, int err, std::string_view words);

}  // namespace efs::mounts
