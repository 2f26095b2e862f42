#include "remount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "efs/base/clock.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/nfs_mount.h"
#include "probes.h"

namespace efs::watchdog {
namespace {

constexpr Duration kIdentifierPatience{45000};
constexpr Duration kMountPatience{60000};

Status mountWithFreshIdentifier(const RemountPlan& plan) {
  const SystemClock clock;
  const auto fresh = mounts::OwnClientIdentifier::set(
      plan.lock_path, clock, kIdentifierPatience,
      [](const std::string&) { return mounts::randomClientIdentifier(); });
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

// A server may go on naming the directory that is gone: then the old mount is better than nothing,
// for what applications write at its place would land on this host's disk.
Status checkRoot(const RemountPlan& plan) {
  EFS_TRY(answer, askRoot(plan.staging).withContext("asking the root of the new mount"));
  if (answer.empty()) return {};
  return Error(ErrorKind::kNotFound, "the root of the new mount is " + answer + " as well");
}

// The new mount as a descriptor. Invalid: a kernel before 5.2.
Result<UniqueFd> mountAt(const std::string& path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (tree.get() < 0 && errno != ENOSYS) return Error::fromErrno(errno, "taking up " + path);
  return tree;
}

Status detach(const std::string& target) {
  if (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  return Error::fromErrno(errno, "detaching the old mount at " + target);
}

// Between detach and attach nothing asks the server: it cannot fail because of it, or wait.
Status putInPlace(const RemountPlan& plan) {
  EFS_TRY(tree, mountAt(plan.staging));
  EFS_CHECK(detach(plan.target));
  const int failed =
      tree.get() >= 0
          ? ::move_mount(tree.get(), "", AT_FDCWD, plan.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH)
          : ::mount(plan.staging.c_str(), plan.target.c_str(), nullptr, MS_BIND, nullptr);
  if (failed != 0) return Error::fromErrno(errno, "putting the new mount at " + plan.target);
  return {};
}

Status replaceOld(const RemountPlan& plan) {
  EFS_CHECK(checkRoot(plan));
  return putInPlace(plan);
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
  const Status placed = replaceOld(plan);
  // Also after a failure: whoever repairs this by hand mounts anew.
  (void)::umount2(plan.staging.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  (void)::rmdir(plan.staging.c_str());
  EFS_CHECK(placed);
  return std::string();
}

}  // namespace efs::watchdog
