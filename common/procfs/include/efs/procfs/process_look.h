// What the errno of a look at a process says about it, on kernels from 5.4 on (and in the sandboxes
// that refuse calls they do not know). One table for pidfd_open(2) and the files of /proc/<pid>: a
// look that fails is a statement of its own, and never silently "it is dead" or "try later".
#pragma once

#include <array>
#include <cerrno>

#include "efs/base/error.h"

namespace efs::procfs {

enum class Look {
  kPidFd,        // pidfd_open(2)
  kName,         // /proc/<pid>/comm
  kNamespace,    // /proc/<pid>/ns/net, readlink(2)
  kSockets,      // /proc/<pid>/net/tcp
  kDescriptors,  // the list /proc/<pid>/fd
  kDescriptor,   // /proc/<pid>/fd/<n>, readlink(2)
};

enum class Meaning {
  kNotIt,      // no process of this pid (any more): certainly not the tunnel
  kForbidden,  // there may be one, which we may not look at; asking again will not help
  kShortage,   // we ran out of something: ask again
};

struct LookErrno {
  Look look;
  int err;
  Meaning meaning;
  const char* why;
};

inline constexpr std::array kLookErrnos = {
    LookErrno{Look::kPidFd, ESRCH, Meaning::kNotIt, "no such process"},
    LookErrno{Look::kPidFd, EINVAL, Meaning::kNotIt, "a thread, not a process (up to 6.8)"},
    LookErrno{Look::kPidFd, ENOENT, Meaning::kNotIt, "a thread, not a process (newer)"},
    LookErrno{Look::kPidFd, EMFILE, Meaning::kShortage, "our descriptors"},
    LookErrno{Look::kPidFd, ENFILE, Meaning::kShortage, "the host's descriptors"},
    LookErrno{Look::kPidFd, ENOMEM, Meaning::kShortage, "memory"},
    LookErrno{Look::kPidFd, ENODEV, Meaning::kShortage, "no anonymous inode"},
    LookErrno{Look::kPidFd, ENOSYS, Meaning::kForbidden, "a sandbox (or a kernel before 5.3)"},
    LookErrno{Look::kPidFd, EPERM, Meaning::kForbidden, "a sandbox: the call needs no right"},
    LookErrno{Look::kPidFd, EACCES, Meaning::kForbidden, "a security module"},

    // ENOENT while the pidfd says that it lives: hidepid= hides it (TunnelFinder::find()).
    LookErrno{Look::kName, ENOENT, Meaning::kNotIt, "gone, or hidden"},
    LookErrno{Look::kName, ESRCH, Meaning::kNotIt, "gone since it was opened"},
    LookErrno{Look::kName, EACCES, Meaning::kForbidden, "hidepid=1, a security module"},
    LookErrno{Look::kName, EPERM, Meaning::kForbidden, "hidepid=1, a security module"},

    LookErrno{Look::kNamespace, ENOENT, Meaning::kNotIt,
              "gone, or at its end: it has none any more"},
    LookErrno{Look::kNamespace, ESRCH, Meaning::kNotIt, "gone"},
    LookErrno{Look::kNamespace, EACCES, Meaning::kForbidden,
              "needs CAP_SYS_PTRACE; also: just gone"},
    LookErrno{Look::kNamespace, EPERM, Meaning::kForbidden, "needs CAP_SYS_PTRACE"},

    LookErrno{Look::kSockets, ENOENT, Meaning::kNotIt, "gone"},
    LookErrno{Look::kSockets, ESRCH, Meaning::kNotIt, "gone"},
    LookErrno{Look::kSockets, EINVAL, Meaning::kNotIt, "it has no network namespace any more"},
    LookErrno{Look::kSockets, ENXIO, Meaning::kNotIt, "its network namespace ends"},
    LookErrno{Look::kSockets, EACCES, Meaning::kForbidden, "a security module"},
    LookErrno{Look::kSockets, EPERM, Meaning::kForbidden, "a security module"},

    LookErrno{Look::kDescriptors, ENOENT, Meaning::kNotIt, "gone"},
    LookErrno{Look::kDescriptors, ESRCH, Meaning::kNotIt, "gone"},
    LookErrno{Look::kDescriptors, EACCES, Meaning::kForbidden, "needs CAP_SYS_PTRACE"},
    LookErrno{Look::kDescriptors, EPERM, Meaning::kForbidden, "needs CAP_SYS_PTRACE"},

    LookErrno{Look::kDescriptor, ENOENT, Meaning::kNotIt, "closed since it was listed"},
    LookErrno{Look::kDescriptor, ESRCH, Meaning::kNotIt, "gone"},
    LookErrno{Look::kDescriptor, EACCES, Meaning::kForbidden, "needs CAP_SYS_PTRACE"},
    LookErrno{Look::kDescriptor, EPERM, Meaning::kForbidden, "needs CAP_SYS_PTRACE"},
};

// What the table does not list (EMFILE, ENFILE, ENOMEM, EIO, ...) proves nothing: kShortage.
constexpr Meaning meaningOf(Look look, int err) {
  for (const auto& row : kLookErrnos) {
    if (row.look == look && row.err == err) return row.meaning;
  }
  return Meaning::kShortage;
}

// The failure of a look with the kind that says what it means: kNotFound, kPermission, or kIo.
Error judged(Look look, Error error);

}  // namespace efs::procfs
