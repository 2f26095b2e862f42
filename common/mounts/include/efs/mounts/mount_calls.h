// The system calls of the new mount API (Linux 5.2, include/uapi/linux/mount.h) by number: glibc
// has functions for them only since 2.36, and our programs must run with 2.34. All return -1 and
// set errno where they fail; descriptors are the caller's to close.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace efs::mounts::calls {

// The same on every architecture (include/uapi/asm-generic/unistd.h).
inline constexpr long kOpenTree = 428;
inline constexpr long kMoveMount = 429;
inline constexpr long kFsopen = 430;
inline constexpr long kFsconfig = 431;
inline constexpr long kFsmount = 432;

inline constexpr unsigned kCloexec = 1;
inline constexpr unsigned kSetFlag = 0;
inline constexpr unsigned kSetString = 1;
inline constexpr unsigned kCreate = 6;

inline constexpr unsigned kFromEmptyPath = 0x4;
inline constexpr unsigned kToEmptyPath = 0x40;
inline constexpr unsigned kBeneath = 0x200;  // since 6.5

// A copy of the mount at `path`, and of none within it, attached nowhere.
inline int cloneTree(const char* path) {
  return static_cast<int>(::syscall(kOpenTree, AT_FDCWD, path, 1U | O_CLOEXEC));
}
inline int fsopen(const char* type) { return static_cast<int>(::syscall(kFsopen, type, kCloexec)); }
inline int fsconfig(int context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(kFsconfig, context, command, key, value, 0));
}
inline int fsmount(int context, unsigned attributes) {
  return static_cast<int>(::syscall(kFsmount, context, kCloexec, attributes));
}
inline int moveMount(int mount, int directory, unsigned more) {
  return static_cast<int>(
      ::syscall(kMoveMount, mount, "", directory, "", kFromEmptyPath | kToEmptyPath | more));
}
// False where a filter refuses it (or the kernel lacks it): then a mount without a place could
// never get one. Asked with no mount at all, which the kernel itself answers with EBADF.
inline bool movesMounts() { return moveMount(-1, -1, 0) != 0 && errno == EBADF; }
// Onto a path, which the kernel walks.
inline int moveMountTo(int mount, const char* path) {
  return static_cast<int>(::syscall(kMoveMount, mount, "", AT_FDCWD, path, kFromEmptyPath));
}

}  // namespace efs::mounts::calls
