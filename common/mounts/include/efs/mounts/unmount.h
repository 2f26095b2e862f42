// Taking a mount away: umount2(2) and what belongs to it, each in a child of its own, because every
// look at a mount whose server is silent may wait for ever.
//
// Order in the kernel (Linux 6.1, fs/namespace.c): the mount leaves the mount table first; then, if
// it was the last use of the superblock, dirty pages are written back and the NFS client says good
// bye with DESTROY_SESSION. Both wait for the server.
#pragma once

#include <optional>
#include <string>

#include "efs/base/ask_child.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_namespace.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {

struct UnmountFlags {
  bool force = false;  // MNT_FORCE: calls that wait for the server fail with EIO
  bool lazy = false;   // MNT_DETACH: out of the table now, the rest when the last user is gone
};

// One umount2(2) under way.
class UnmountJob {
 public:
  // The child has its own session and none of our descriptors, so it may be left alone.
  // `where`: another mount namespace, which only the child enters.
  static Result<UnmountJob> start(const std::string& target, UnmountFlags flags,
                                  const MountNamespace* where = nullptr);

  // errno of umount2(2), 0 = done; nullopt: still at it. kCancelled: interrupt.h.
  Result<std::optional<int>> wait(Duration patience);
  // SIGKILL. Once the mount has left the table this gives up the data not yet written.
  void kill() { child_.killAndReap(); }

 private:
  explicit UnmountJob(ChildWork child) : child_(std::move(child)) {}
  ChildWork child_;
};

// The whole of it with a deadline, after which the child is killed; the line in utab goes as well.
// For undoing a mount of our own. kNotFound: nothing is mounted there.
Status unmount(const std::string& target, bool lazy, Duration patience);

// MS_REMOUNT | MS_RDONLY, other flags kept (umount -r).
Status remountReadOnly(const MountEntry& mount, Duration patience,
                       const MountNamespace* where = nullptr);

// Takes the line of this mount point out of libmount's utab, as umount(8) does; best effort, and
// bounded when somebody holds utab's lock.
void forgetInUtab(const std::string& target);

}  // namespace efs::mounts
