#include "efs/mounts/stacked_mount.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "efs/base/wait.h"
#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {
namespace {

// One that was stacked on ours in turn goes by itself within moments.
constexpr int kMostTries = 100;
constexpr Duration kLook{10};

bool isCovered(const MountTable& table, const MountEntry& entry) {
  return std::any_of(table.entries().begin(), table.entries().end(), [&](const auto& other) {
    return other.parent_id == entry.id && other.target == entry.target;
  });
}

}  // namespace

// The link leads to the mount of the descriptor, whatever lies below or beside it.
Status detachExactly(int mount) {
  const std::string path = "/proc/self/fd/" + std::to_string(mount);
  if (::umount2(path.c_str(), MNT_DETACH) == 0) return {};
  return Error::fromErrno(errno, "detaching a mount that hides another one");
}

Result<bool> detachIfStacked(int mount, int parent) {
  EFS_TRY(id, mountIdOf(mount));
  for (int look = 0; look < kMostTries; ++look) {
    EFS_TRY(table, MountTable::readKernel());
    const MountEntry* entry = table.withId(id);
    // Ours, or taken along by one that lay below it and went.
    if (entry == nullptr) return true;
    if (entry->parent_id == parent) return false;
    if (isCovered(table, *entry)) {
      EFS_CHECK(sleepFor(kLook));
    } else {
      const Status detached = detachExactly(mount);
      // EINVAL: somebody took it along since that look.
      if (!detached && detached.error().osError() != EINVAL) return detached.error();
    }
  }
  return false;
}

}  // namespace efs::mounts
