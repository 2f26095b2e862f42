#include "rotating_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "efs/base/files.h"

namespace efs::log {

Result<std::shared_ptr<RotatingSink>> RotatingSink::create(const Config& config) {
  const auto slash = config.path.rfind('/');
  if (slash != std::string::npos && slash != 0) {
    EFS_CHECK(makeDirectories(config.path.substr(0, slash), 0755));
  }
  std::shared_ptr<RotatingSink> sink(new RotatingSink(config));
  EFS_CHECK(sink->openFile());
  return sink;
}

Status RotatingSink::openFile() {
  fd_.reset(
      ::open(config_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644));
  if (!fd_.valid()) return Error::fromErrno(errno, "opening log " + config_.path);
  return {};
}

void RotatingSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  // Another process may have rotated the file under us; then our descriptor is an old file.
  if (!isCurrentFile() || needsRotation(line.size())) rotate();
  // One write(2) per line: O_APPEND keeps lines of several processes whole. A full disk loses the
  // line, never the program.
  if (fd_.valid()) {
    const ssize_t ignored = ::write(fd_.get(), line.data(), line.size());
    (void)ignored;
  }
}

bool RotatingSink::isCurrentFile() const {
  struct stat named {};
  struct stat opened {};
  return ::stat(config_.path.c_str(), &named) == 0 && ::fstat(fd_.get(), &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

bool RotatingSink::needsRotation(std::size_t more) const {
  struct stat info {};
  if (config_.max_bytes == 0 || ::fstat(fd_.get(), &info) != 0) return false;
  const auto size = static_cast<std::size_t>(info.st_size);
  return size != 0 && (size > config_.max_bytes || more > config_.max_bytes - size);
}

std::string RotatingSink::oldName(int n) const {
  const int first = config_.form == Form::kTunnel ? 0 : 1;
  return config_.path + "." + std::to_string(first + n);
}

void RotatingSink::rotate() {
  // The lock is on the file being rotated; whoever gets it second sees that the name has moved on.
  if (fd_.valid() && ::flock(fd_.get(), LOCK_EX) == 0 && isCurrentFile()) {
    if (config_.file_count <= 0) {
      // A file that cannot be cut keeps growing; there is nobody to tell.
      [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), 0);
    } else {
      for (int n = config_.file_count - 1; n > 0; --n) {
        (void)std::rename(oldName(n - 1).c_str(), oldName(n).c_str());
      }
      (void)std::rename(config_.path.c_str(), oldName(0).c_str());
    }
  }
  if (fd_.valid()) ::flock(fd_.get(), LOCK_UN);
  (void)openFile();
}

}  // namespace efs::log
