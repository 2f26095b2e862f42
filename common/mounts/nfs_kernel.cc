#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mounts {
namespace {

// modules.dep of a distribution kernel has about 1 MiB.
constexpr std::size_t kMaxModuleList = 16U << 20U;

std::string readAheadPath(dev_t device) {
  return "/sys/class/bdi/" + std::to_string(major(device)) + ":" + std::to_string(minor(device)) +
         "/read_ahead_kb";
}

// Division first cannot overflow; rsize is a multiple of 1024 wherever the kernel chose it.
unsigned long readAheadKib(unsigned long rsize_bytes) {
  return rsize_bytes / 1024 * 15 + rsize_bytes % 1024 * 15 / 1024;
}

}  // namespace

Result<bool> keepReadAhead(dev_t device, unsigned long rsize_bytes) {
  EFS_TRY(text, readFile(readAheadPath(device), 64));
  if (trim(text) == std::to_string(readAheadKib(rsize_bytes))) return false;
  EFS_CHECK(setReadAhead(device, rsize_bytes));
  return true;
}

Status setReadAhead(dev_t device, unsigned long rsize_bytes) {
  const std::string path = readAheadPath(device);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  return writeAll(fd.get(), std::to_string(readAheadKib(rsize_bytes)), path);
}

bool kernelHasNfs() {
  const auto known = readFile("/proc/filesystems");
  if (known && known->find("\tnfs4\n") != std::string::npos) return true;
  // Not loaded yet: mount(2) loads the module by itself where it exists.
  utsname system{};
  if (::uname(&system) != 0) return false;
  const std::string folder = std::string("/lib/modules/") + system.release;
  for (const char* name : {"/modules.dep", "/modules.builtin"}) {
    const auto list = readFile(folder + name, kMaxModuleList);
    if (list && list->find("/nfsv4.ko") != std::string::npos) return true;
  }
  return false;
}

void loadNfs() {
#ifdef SYS_fsopen
  // By number: glibc has a function for it only since 2.36. The file system context goes away with
  // the descriptor; nothing is mounted.
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "nfs4", 1U)));
#endif
}

}  // namespace efs::mounts
