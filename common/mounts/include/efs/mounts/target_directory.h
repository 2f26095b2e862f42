// TargetDirectory: the place of a mount as a descriptor, so that nothing that happens to its path
// changes where the mount is attached. TargetLock: one maker of mounts at a place at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {

class TargetDirectory {
 public:
  // What is on top at `path` now, without triggering an automount there. kNotFound; errno ENOTDIR:
  // no directory. Where it is the root of an NFS mount the kernel may ask its server: only in a
  // child that can be killed.
  static Result<TargetDirectory> open(const std::string& path);

  // The directory that a mount at `path` (canonical) covers: its identity is what makers of mounts
  // lock once that mount is gone. Asks nothing of the mount. An error where it cannot be told:
  // errno ENOSYS before Linux 5.2.
  static Result<TargetDirectory> beneath(const std::string& path);

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }  // canonical
  // The same directory, whatever path, link or bind mount leads to it.
  std::uint64_t identity() const { return identity_; }
  // The mount that the directory is in, as in MountEntry::id.
  int mountId() const { return mount_id_; }

 private:
  TargetDirectory() = default;
  static Result<TargetDirectory> of(UniqueFd fd, const std::string& path, const std::string& asked);
  UniqueFd fd_;
  std::string path_;
  std::uint64_t identity_ = 0;
  int mount_id_ = 0;
};

class TargetLock {
 public:
  // Waits until nobody else holds it, killably and for ever: for a child that can be killed.
  // `lock_path`: one file for all places (mode 0600); each place is a byte of it, so no files are
  // left behind. It goes with the last copy of its descriptor, at the latest with the process.
  static Result<TargetLock> wait(const std::string& lock_path, const TargetDirectory& directory);
  // kBusy: somebody else holds it.
  static Result<TargetLock> tryAcquire(const std::string& lock_path,
                                       const TargetDirectory& directory);

 private:
  explicit TargetLock(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<TargetLock> acquire(const std::string& lock_path, const TargetDirectory& directory,
                                    int command);
  UniqueFd fd_;
};

// A place for a mount, with no NFS mount on it while the lock is held.
struct LockedTarget {
  TargetDirectory directory;
  std::optional<TargetLock> lock;  // none where no lock path was given
};
// Opens and locks what is on top at `path`, and looks again until it is still on top under the
// lock. nullopt: an NFS mount is there.
Result<std::optional<LockedTarget>> lockTarget(const std::string& path,
                                               const std::string& lock_path);

}  // namespace efs::mounts
