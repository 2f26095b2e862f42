#include "efs/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"

namespace efs {
namespace {

Error heldError(int fd, const std::string& path) {
  auto holder = readAll(fd, path, 64);
  const std::string pid = holder ? std::string(trim(*holder)) : std::string();
  Error error(ErrorKind::kBusy, "lock " + path + " is held by another process");
  if (!pid.empty()) error.addHint("the holder wrote process id " + printable(pid, 20));
  return error;
}

}  // namespace

Result<FileLock> FileLock::tryAcquire(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error::fromErrno(errno, "opening lock " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return heldError(fd.get(), path);
    return Error::fromErrno(errno, "locking " + path);
  }
  // The pid is information for people; the lock itself is the kernel's.
  if (::ftruncate(fd.get(), 0) == 0) {
    (void)writeAll(fd.get(), std::to_string(::getpid()) + "\n", path);
  }
  return FileLock(std::move(fd));
}

// flock has no timed wait. 10 ms is short beside what the holders do (key generation, a mount); of
// fifty that wait, none may take the processor away from the holder.
Result<FileLock> FileLock::acquire(const std::string& path, const Clock& clock, Duration patience) {
  constexpr Duration kLongestPause{160};
  const Deadline deadline(clock, patience);
  for (Duration pause{10};; pause = std::min(2 * pause, kLongestPause)) {
    auto lock = tryAcquire(path);
    if (lock || lock.error().kind() != ErrorKind::kBusy || deadline.passed()) return lock;
    if (interrupted() != 0) return interruptedError();
    EFS_CHECK(sleepFor(std::min(pause, deadline.left())));
  }
}

Result<bool> FileLock::isHeld(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return false;
    return Error::fromErrno(errno, "opening lock " + path);
  }
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
  if (errno == EWOULDBLOCK) return true;
  return Error::fromErrno(errno, "asking for lock " + path);
}

bool FileLock::isAt(const std::string& path) const {
  struct stat ours {};
  struct stat its {};
  return ::fstat(fd_.get(), &ours) == 0 && ::lstat(path.c_str(), &its) == 0 &&
         ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

}  // namespace efs
