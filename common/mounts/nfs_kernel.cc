#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/mount_calls.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mounts {
namespace {

constexpr const char* kModuleMissing =
    "install the kernel's nfsv4 module (package linux-modules-extra on some systems) or enable "
    "CONFIG_NFS_V4_1";
constexpr const char* kModuleNotLoaded =
    "the kernel did not load its nfsv4 module, though /lib/modules has it: try modprobe nfsv4";

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

std::string missingNfsHint() {
  utsname system{};
  if (::uname(&system) != 0) return kModuleMissing;
  const std::string folder = std::string("/lib/modules/") + system.release;
  for (const char* name : {"/modules.dep", "/modules.builtin"}) {
    const auto list = readFile(folder + name, kMaxModuleList);
    if (list && list->find("/nfsv4.ko") != std::string::npos) return kModuleNotLoaded;
  }
  return kModuleMissing;
}

Status loadNfs() {
  const auto loaded = readFile("/proc/filesystems");
  if (loaded && loaded->find("\tnfs4\n") != std::string::npos) return {};
  // The file system context goes away with the descriptor; nothing is mounted.
  const UniqueFd context(calls::fsopen("nfs4"));
  int err = context.valid() ? 0 : errno;
  // Where that call is not to be had. Without data the NFS client refuses the mount (EINVAL), after
  // it has been loaded.
  if (err != 0 && err != ENODEV) {
    err = ::mount("none", "/", "nfs4", 0, nullptr) == 0 ? 0 : errno;
  }
  if (err != ENODEV) return {};
  return Error(ErrorKind::kUnsupported, "this kernel has no NFS version 4 client")
      .addHint(missingNfsHint());
}

}  // namespace efs::mounts
