#include "efs/mount_helper/existing_mount.h"

#include <sys/stat.h>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mount_helper/mount_plan.h"
#include "efs/mount_helper/own_mount.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::mount_helper {
namespace {

Status checkMountpoint(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Error::fromErrno(errno, "mount point " + printable(path))
        .addHint("create it with mkdir -p");
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorKind::kInvalidInput,
                 "mount point " + printable(path) + " is not a directory");
  }
  return {};
}

}  // namespace

std::optional<Outcome> alreadyMounted(const MountRequest& request) {
  auto table = mounts::MountTable::readKernel();
  if (!table) return std::nullopt;
  const mounts::MountEntry* entry = table->atPath(canonicalPath(request.mountpoint));
  if (entry == nullptr || !entry->isNfs()) return std::nullopt;
  log::warning("{} is already mounted, mount aborted", request.mountpoint);
  return Outcome{
      0, request.mountpoint + " is already mounted, please run 'mount' command to verify\n", ""};
}

Status checkUsable(const MountRequest& request) {
  EFS_CHECK(checkMountpoint(request.mountpoint));
  // A fake mount asks nothing of the kernel (CLI-4).
  return request.fake ? Status() : mounts::loadNfs();
}

Outcome remount(const MountRequest& request) {
  auto table = mounts::MountTable::readKernel();
  if (!table) return mountFailed(table.error());
  const mounts::MountEntry* entry = table->atPath(canonicalPath(request.mountpoint));
  if (entry == nullptr || !entry->isNfs()) {
    return mountFailed(
        Error(ErrorKind::kNotFound, "remount: no EFS mount at " + printable(request.mountpoint)));
  }
  mounts::NfsMountRequest nfs;
  nfs.source = entry->source;
  nfs.target = request.mountpoint;
  nfs.options = request.nfs_options;
  // MODE-2: a mount without a tunnel has another server and no helper.
  nfs.address = entry->option("addr").value_or("127.0.0.1");
  if (entry->tunnelPort()) nfs.umount_helper = kUmountHelper;
  mounts::addNfsDefaults(nfs.options, entry->tunnelPort());
  if (auto done = mounts::remountNfs(nfs); !done) {
    return mountFailed(done.error().addContext("remounting " + request.mountpoint));
  }
  log::info("Successfully remounted {} with {}", request.mountpoint, request.raw_options);
  return {};
}

}  // namespace efs::mount_helper
