#include "efs/mounts/kernel_identifier.h"

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
#include "efs/mounts/mount_calls.h"

namespace efs::mounts {
namespace {

constexpr const char* kIdentifier = "fs/nfs/net/nfs_client/identifier";
constexpr const char* kParameter = "module/nfs/parameters/nfs4_unique_id";
constexpr std::size_t kMaxIdentifier = 4096;
constexpr const char* kNone = "(null)";  // what the kernel's printf makes of no string

// Invalid: not in this kernel, or forbidden.
UniqueFd detachedSysfs() {
  const UniqueFd context(calls::fsopen("sysfs"));
  if (!context.valid()) return {};
  if (calls::fsconfig(context.get(), calls::kCreate, nullptr, nullptr) != 0) return {};
  return UniqueFd(calls::fsmount(context.get(), 0));
}

Result<std::string> readAt(int folder, const char* path) {
  const UniqueFd fd(::openat(folder, path, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, std::string("opening ") + path);
  return readAll(fd.get(), path, kMaxIdentifier);
}

}  // namespace

Result<KernelIdentifier> KernelIdentifier::open() {
  if (UniqueFd own = detachedSysfs(); own.valid()) {
    KernelIdentifier identifier(std::move(own));
    if (identifier.read()) return identifier;
  }
  return openBelow("/sys");
}

Result<KernelIdentifier> KernelIdentifier::openBelow(const std::string& sysfs) {
  KernelIdentifier identifier(UniqueFd(::open(sysfs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
  auto readable = identifier.read();
  if (readable) return identifier;
  return std::move(readable.error())
      .setKind(ErrorKind::kUnsupported)
      .addContext("this kernel cannot tell two mounts of one file system apart");
}

Result<std::string> KernelIdentifier::read() const {
  EFS_TRY(text, readAt(sysfs_.get(), kIdentifier));
  const auto value = trim(text);
  return value == kNone ? std::string() : std::string(value);
}

// Sysfs takes a value in place and by one write(2), not by renaming.
Status KernelIdentifier::write(const std::string& value) const {
  const UniqueFd fd(::openat(sysfs_.get(), kIdentifier, O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, std::string("opening ") + kIdentifier);
  return writeAll(fd.get(), value, kIdentifier);
}

std::string KernelIdentifier::moduleParameter() const {
  const auto text = readAt(sysfs_.get(), kParameter);
  return text ? std::string(trim(*text)) : std::string();
}

Status KernelIdentifier::lock(const Clock& clock, Duration patience) {
  constexpr Duration kPause{20};
  UniqueFd fd(::openat(sysfs_.get(), kParameter, O_RDONLY | O_CLOEXEC));
  struct stat info {};
  // A lock that strangers can take would be theirs to keep.
  const bool usable = fd.valid() && ::fstat(fd.get(), &info) == 0 && info.st_uid == ::geteuid() &&
                      (info.st_mode & 0077U) == 0;
  if (!usable) return {};
  const Deadline deadline(clock, patience);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return {};  // a kernel that locks no such file
    if (interrupted() != 0) return interruptedError();
    if (deadline.passed()) {
      return Error(ErrorKind::kBusy,
                   "another program of this network sets the NFS client's identifier");
    }
    EFS_CHECK(sleepFor(std::min(kPause, deadline.left())));
  }
  lock_ = std::move(fd);
  return {};
}

}  // namespace efs::mounts
