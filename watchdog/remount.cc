#include "remount.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/clock.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::watchdog {
namespace {

constexpr Duration kMountPatience{60000};

Status mountWithFreshIdentifier(const RemountPlan& plan) {
  const SystemClock clock;
  const auto fresh =
      mounts::OwnClientIdentifier::set(plan.lock_path, clock, mounts::randomClientIdentifier());
  // Kernels before 5.15 have no such file; there the port alone must make the difference.
  if (!fresh && fresh.error().kind() != ErrorKind::kUnsupported) return fresh.error();
  mounts::NfsMountRequest request;
  request.source = plan.source;
  request.target = plan.staging;
  request.options = plan.options;
  request.address = "127.0.0.1";
  // What utab says of the mount point (umount.efs) holds for the successor, too.
  return mounts::mountNfs(request, kMountPatience);
}

Status putInPlace(const RemountPlan& plan) {
  if (::umount2(plan.target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
    return Error::fromErrno(errno, "detaching the old mount at " + plan.target);
  }
  if (::mount(plan.staging.c_str(), plan.target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::fromErrno(errno, "putting the new mount at " + plan.target);
  }
  return {};
}

}  // namespace

Result<RemountPlan> RemountPlan::fromEntry(const mounts::MountEntry& entry) {
  if (entry.root != "/") {
    return Error(ErrorKind::kUnsupported,
                 entry.target + " shows only the directory " + printable(entry.root));
  }
  RemountPlan plan;
  plan.source = entry.source;
  plan.target = entry.target;
  plan.options = mounts::OptionList::parse(entry.options);
  // What the kernel worked out for itself.
  for (const char* key : {"addr", "clientaddr", "mountaddr"}) plan.options.remove(key);
  return plan;
}

Result<std::string> remountInChild(const RemountPlan& plan) {
  EFS_CHECK(makeDirectories(plan.staging, 0700));
  EFS_CHECK(mountWithFreshIdentifier(plan));
  const Status placed = putInPlace(plan);
  // Also after a failure: whoever repairs this by hand mounts anew.
  (void)::umount2(plan.staging.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  (void)::rmdir(plan.staging.c_str());
  EFS_CHECK(placed);
  return std::string();
}

}  // namespace efs::watchdog
