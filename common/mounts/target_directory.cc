#include "efs/mounts/target_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "efs/mounts/mount_calls.h"
#include "efs/mounts/mount_identity.h"

namespace efs::mounts {
namespace {

// Who waits for the lock of a place on which something else is mounted each time he gets it is not
// waiting for one of ours.
constexpr int kLooks = 100;

// Offsets of file locks are signed.
constexpr std::uint64_t kOffsets = std::uint64_t{1} << 62U;

Error notThere(const std::string& path, int err) {
  const bool plain = err == ENOENT || err == ENOTDIR;
  return Error::fromErrno(err, (plain ? "mount point " : "looking at mount point ") + path);
}

// 64 bits of inode number and 32 of device, mixed (splitmix64); two places that share a value only
// wait for each other.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

// What is on top at the directory's path, by the mount table: never asks a server.
enum class Top { kNfs, kThisDirectory, kSomethingElse };

Result<Top> lookAt(const TargetDirectory& directory) {
  EFS_TRY(table, MountTable::readKernel());
  const MountEntry* top = table.atPath(directory.path());
  if (top == nullptr) return Top::kThisDirectory;
  if (top->isNfs()) return Top::kNfs;
  return top->id == directory.mountId() ? Top::kThisDirectory : Top::kSomethingElse;
}

}  // namespace

Result<TargetDirectory> TargetDirectory::open(const std::string& path) {
  // A slash at the end means "and go in", to realpath(3) as well: that would trigger an automount.
  std::string place = path;
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(place.c_str(), nullptr),
                                                         &std::free);
  if (!real) return notThere(path, errno);
  UniqueFd fd(::open(real.get(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return notThere(path, errno);
  return of(std::move(fd), real.get(), path);
}

Result<TargetDirectory> TargetDirectory::beneath(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? "" : path.substr(slash + 1);
  if (name.empty()) return notThere(path, EINVAL);
  const UniqueFd parent(calls::cloneTree(slash == 0 ? "/" : path.substr(0, slash).c_str()));
  if (!parent.valid()) return notThere(path, errno);
  UniqueFd fd(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return notThere(path, errno);
  return of(std::move(fd), path, path);
}

Result<TargetDirectory> TargetDirectory::of(UniqueFd fd, const std::string& path,
                                            const std::string& asked) {
  TargetDirectory directory;
  directory.path_ = path;
  directory.fd_ = std::move(fd);
  struct statx info {};
  if (::statx(directory.fd(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
              STATX_TYPE | STATX_INO, &info) != 0) {
    return notThere(asked, errno);
  }
  if (!S_ISDIR(info.stx_mode)) return notThere(asked, ENOTDIR);
  const std::uint64_t device = makedev(info.stx_dev_major, info.stx_dev_minor);
  directory.identity_ = mix(info.stx_ino + mix(device)) % kOffsets;
  EFS_TRY(id, mountIdOf(directory.fd()));
  directory.mount_id_ = id;
  return directory;
}

Result<TargetLock> TargetLock::acquire(const std::string& lock_path,
                                       const TargetDirectory& directory, int command) {
  UniqueFd fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error::fromErrno(errno, "opening lock " + lock_path);
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(directory.identity());
  range.l_len = 1;
  while (::fcntl(fd.get(), command, &range) != 0) {
    if (errno == EINTR) continue;
    const bool held = errno == EAGAIN || errno == EACCES;
    if (!held) return Error::fromErrno(errno, "locking " + lock_path);
    return Error(ErrorKind::kBusy, "another process is mounting at " + directory.path());
  }
  return TargetLock(std::move(fd));
}

Result<TargetLock> TargetLock::wait(const std::string& lock_path,
                                    const TargetDirectory& directory) {
  return acquire(lock_path, directory, F_OFD_SETLKW);
}

Result<TargetLock> TargetLock::tryAcquire(const std::string& lock_path,
                                          const TargetDirectory& directory) {
  return acquire(lock_path, directory, F_OFD_SETLK);
}

Result<std::optional<LockedTarget>> lockTarget(const std::string& path,
                                               const std::string& lock_path) {
  for (int look = 0; look < kLooks; ++look) {
    EFS_TRY(directory, TargetDirectory::open(path));
    LockedTarget target{std::move(directory), std::nullopt};
    // Whose mount is there already needs no lock; the lock's holder may be slow.
    EFS_TRY(top, lookAt(target.directory));
    if (top == Top::kNfs) return std::optional<LockedTarget>();
    if (!lock_path.empty()) {
      EFS_TRY(lock, TargetLock::wait(lock_path, target.directory));
      target.lock = std::move(lock);
      EFS_TRY(now, lookAt(target.directory));
      top = now;
    }
    if (top == Top::kNfs) return std::optional<LockedTarget>();
    if (top == Top::kThisDirectory) return std::optional(std::move(target));
  }
  return Error(ErrorKind::kBusy, "other mounts come and go at " + path);
}

}  // namespace efs::mounts
