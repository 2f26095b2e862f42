// FileLock: flock(2) on a lock file. The kernel drops it when the process dies, so no lock is ever
// stale (contract ST-6, which the old product got wrong).
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs {

class FileLock {
 public:
  // Creates the file (mode 0600) if needed. kBusy when another process holds it.
  static Result<FileLock> tryAcquire(const std::string& path);
  // Waits up to `patience`; kBusy with a hint naming the holder's pid after that. kCancelled when
  // the program was asked to stop (interrupt.h).
  static Result<FileLock> acquire(const std::string& path, const Clock& clock, Duration patience);
  // Whether somebody holds it, without taking it: who tries to take it at this very moment may find
  // it busy. False when there is no such file.
  static Result<bool> isHeld(const std::string& path);

  // Whether this very lock is the one of `path`: not when the file was deleted or replaced, and
  // whoever asks for the lock finds another (lost_lock.h).
  bool isAt(const std::string& path) const;

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace efs
