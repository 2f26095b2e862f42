#include "remount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>

#include "efs/base/clock.h"
#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/nfs_mount.h"

namespace efs::watchdog {
namespace {

constexpr Duration kLockPatience{30000};
constexpr Duration kMountPatience{60000};

std::string freshIdentifier() {
  std::array<char, 256> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  std::random_device random;
  return printable(std::string(host.data()), 64) + "-" + std::to_string(random()) +
         std::to_string(random());
}

// A file of sysfs: written in place, by one write(2).
Status writeValue(const std::string& path, const std::string& value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  return writeAll(fd.get(), value, path);
}

Status mountWithFreshIdentifier(const RemountPlan& plan) {
  const SystemClock clock;
  EFS_TRY(lock, FileLock::acquire(plan.lock_path, clock, kLockPatience));
  // Kernels before 5.15 have no such file; there the port alone must make the difference.
  const auto before = readFile(plan.identifier_path, 256);
  if (before) EFS_CHECK(writeValue(plan.identifier_path, freshIdentifier()));
  Status mounted =
      mounts::mountNfs({plan.source, plan.staging, plan.options, "127.0.0.1"}, kMountPatience);
  if (before) (void)writeValue(plan.identifier_path, *before);
  return mounted;
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
