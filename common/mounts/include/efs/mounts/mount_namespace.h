// Another mount namespace (mount -N, umount -N): a container's, as a rule. Nothing there may be
// trusted, so this process never enters it: children do, for system calls alone. No program, no
// configuration, no socket of that tree is ever used.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {

class MountNamespace {
 public:
  // A process id, or the path of a namespace as mount(8) hands it over (/proc/<pid>/fd/<n>).
  // kInvalidInput: it is something else.
  static Result<MountNamespace> open(const std::string& where);

  bool isOurs() const;
  // For a child that enters it (ChildRules::kept_fds).
  int fd() const { return fd_.get(); }
  // For good: in a child, before its system calls. Also root and working directory are then those
  // of the namespace. The kernel wants a single thread.
  Status enter() const;
  // What is mounted there, seen through our own /proc: that of a container knows no process of
  // ours.
  Result<MountTable> table() const;

 private:
  explicit MountNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace efs::mounts
