// The kernel's own file that names the NFS client of a network namespace, as files: read, write,
// and a lock that all programs of that network namespace share.
//
// Each network namespace has one (fs/nfs/sysfs.c, since 5.3), in the sysfs that was mounted within
// it; /sys may show another one's (mount option netns, containers with a bound /sys). So sysfs is
// mounted anew, attached nowhere (since 5.2; else /sys it is).
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::mounts {

class KernelIdentifier {
 public:
  // Of the calling thread's network namespace. kUnsupported: the kernel has none, or does not show
  // it here.
  static Result<KernelIdentifier> open();
  // Another sysfs; in tests any directory.
  static Result<KernelIdentifier> openBelow(const std::string& sysfs);

  // What is set; empty: nothing (the kernel shows "(null)").
  Result<std::string> read() const;
  // Not empty: the kernel cannot go back to none.
  Status write(const std::string& value) const;
  // Module parameter nfs4_unique_id, which counts where nothing is set; empty: not set.
  std::string moduleParameter() const;

  // Programs with state directories of their own (a container beside its host) share the kernel's
  // file; this lock is on what they share, and only root can take it. kBusy after `patience`.
  Status lock(const Clock& clock, Duration patience);

 private:
  explicit KernelIdentifier(UniqueFd sysfs) : sysfs_(std::move(sysfs)) {}
  UniqueFd sysfs_;  // O_PATH
  UniqueFd lock_;
};

}  // namespace efs::mounts
