#include "efs/mount_helper/own_mount.h"

#include <cstdlib>
#include <memory>

#include "efs/base/log.h"
#include "efs/mounts/unmount.h"

namespace efs::mount_helper {

std::string canonicalPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? real.get() : path;
}

OwnMount::OwnMount(const std::string& mountpoint) : canonical_(canonicalPath(mountpoint)) {
  const auto table = mounts::MountTable::readKernel();
  const mounts::MountEntry* entry = table ? table->atPath(canonical_) : nullptr;
  if (entry != nullptr) id_before_ = entry->id;
}

Result<mounts::MountEntry> OwnMount::find() const {
  EFS_TRY(table, mounts::MountTable::readKernel());
  const mounts::MountEntry* entry = table.atPath(canonical_);
  if (entry == nullptr || entry->id == id_before_ || !entry->isNfs()) {
    return Error(ErrorKind::kNotFound, "no mount of ours at " + canonical_);
  }
  return *entry;
}

bool OwnMount::undo(Duration patience) const {
  for (const bool lazy : {false, true}) {
    const auto mine = find();
    if (!mine) return mine.error().kind() == ErrorKind::kNotFound;
    if (auto done = mounts::unmount(canonical_, lazy, patience); !done) {
      log::warning("undoing the mount at {}: {}", canonical_, done.error().describe());
    }
  }
  const auto mine = find();
  return !mine && mine.error().kind() == ErrorKind::kNotFound;
}

}  // namespace efs::mount_helper
