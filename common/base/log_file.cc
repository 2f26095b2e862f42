#include "efs/base/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "efs/base/file_lock.h"
#include "safe_directory.h"

namespace efs::log {
namespace {

constexpr mode_t kMode = 0640;

Error refused(const std::string& path, const std::string& why) {
  return Error(ErrorKind::kPermission, "log " + path + " " + why)
      .addHint("a log is a regular file in a directory of root's; move away what is there");
}

bool isOurs(const struct stat& info) { return info.st_uid == 0 || info.st_uid == ::geteuid(); }

// In a directory that others may write (/tmp) any name may be a trap.
bool isTrap(int directory, const struct stat& file) {
  struct stat info {};
  if (::fstat(directory, &info) != 0) return true;
  const bool shared = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return shared && (!isOurs(file) || file.st_nlink != 1);
}

Status checkKind(const struct stat& info, const std::string& path) {
  if (S_ISLNK(info.st_mode)) return refused(path, "is a symbolic link");
  if (S_ISDIR(info.st_mode)) return refused(path, "is a directory");
  if (!S_ISREG(info.st_mode)) return refused(path, "is no regular file");
  return {};
}

// The look before spares what opening alone may do to a device; the one after is what counts.
Result<UniqueFd> openLog(int directory, const std::string& name, const std::string& path) {
  struct stat info {};
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
    EFS_CHECK(checkKind(info, path));
  UniqueFd fd(::openat(
      directory, name.c_str(),
      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, kMode));
  if (!fd.valid()) return Error::fromErrno(errno, "opening log " + path);
  if (::fstat(fd.get(), &info) != 0) return Error::fromErrno(errno, "opening log " + path);
  EFS_CHECK(checkKind(info, path));
  if (isTrap(directory, info)) return refused(path, "belongs to another user");
  // What efs-utils left readable for everybody.
  if (info.st_uid == ::geteuid() && (info.st_mode & 07777 & ~kMode) != 0)
    (void)::fchmod(fd.get(), info.st_mode & kMode);
  return fd;
}

}  // namespace

Status LogFile::open() {
  if (fd_.valid() && isCurrentFile()) return {};
  fd_.reset();
  const auto slash = place_.path.rfind('/');
  if (slash == std::string::npos || slash + 1 == place_.path.size())
    return Error(ErrorKind::kInvalidInput, "log " + place_.path + " is no full path of a file");
  name_ = place_.path.substr(slash + 1);
  EFS_TRY(directory, openSafeDirectory(place_.path.substr(0, slash + 1)));
  directory_ = std::move(directory);
  EFS_TRY(file, openLog(directory_.get(), name_, place_.path));
  fd_ = std::move(file);
  return {};
}

void LogFile::release() {
  fd_.reset();
  directory_.reset();
}

void LogFile::configure(std::size_t max_bytes, int file_count) {
  place_.max_bytes = max_bytes;
  place_.file_count = file_count;
}

Status LogFile::append(std::string_view line) {
  Status status = put(line);
  if (status) return status;
  ++lost_;
  release();
  return status;
}

// The number of the lost lines goes into the write of the line that follows them: either both are
// there or none.
Status LogFile::put(std::string_view line) {
  std::string text(line);
  if (lost_ != 0) {
    const SystemClock clock;
    text = formatLine(place_.form, Level::kWarning, lossMessage(lost_), clock.now()) + text;
  }
  // Another process may have rotated the file under us; then our descriptor is an old file.
  EFS_CHECK(open());
  if (needsRotation(text.size())) rotate();
  if (!fd_.valid()) return Error(ErrorKind::kIo, "log " + place_.path + " cannot be opened again");
  // One write(2): O_APPEND keeps lines of several processes whole.
  const ssize_t put = ::write(fd_.get(), text.data(), text.size());
  if (put < 0) return Error::fromErrno(errno, "writing log " + place_.path);
  if (static_cast<std::size_t>(put) < text.size()) {
    // A part would spoil the line after it.
    struct stat info {};
    if (::fstat(fd_.get(), &info) == 0 && info.st_size >= put)
      (void)!::ftruncate(fd_.get(), info.st_size - put);
    return Error::fromErrno(ENOSPC, "writing log " + place_.path);
  }
  lost_ = 0;
  return {};
}

bool LogFile::isCurrentFile() const {
  struct stat named {};
  struct stat opened {};
  return ::lstat(place_.path.c_str(), &named) == 0 && ::fstat(fd_.get(), &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

bool LogFile::needsRotation(std::size_t more) const {
  struct stat info {};
  if (place_.max_bytes == 0 || ::fstat(fd_.get(), &info) != 0) return false;
  const auto size = static_cast<std::size_t>(info.st_size);
  return size != 0 && (size > place_.max_bytes || more > place_.max_bytes - size);
}

std::string LogFile::oldName(int n) const {
  const int first = place_.form == Form::kTunnel ? 0 : 1;
  return name_ + "." + std::to_string(first + n);
}

// Never waits for the lock: a file that grows beyond its size until the next line is no harm.
void LogFile::rotate() {
  std::optional<FileLock> held;
  if (!lock_.empty()) {
    auto lock = FileLock::tryAcquire(lock_);
    if (!lock) return;
    held.emplace(std::move(*lock));
  }
  // Whoever gets the lock second sees that the name has moved on.
  if (isCurrentFile()) moveOn();
  (void)open();
}

void LogFile::moveOn() {
  if (place_.file_count <= 0) {
    // A file that cannot be cut keeps growing; there is nobody to tell.
    (void)!::ftruncate(fd_.get(), 0);
    return;
  }
  const int directory = directory_.get();
  for (int n = place_.file_count - 1; n > 0; --n)
    (void)::renameat(directory, oldName(n - 1).c_str(), directory, oldName(n).c_str());
  (void)::renameat(directory, name_.c_str(), directory, oldName(0).c_str());
}

}  // namespace efs::log
