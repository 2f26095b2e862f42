// Three processes: the job, which holds the client identifier and waits; the maker, which has the
// new mount's descriptor; and for a moment one that asks for the old mount's root, which may never
// answer.
#include "repair/remount.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "daemon/child_job.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/base/wait.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/detached_mount.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/mounts/target_directory.h"
#include "efs/mounts/unmount.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

constexpr Duration kBeneathPatience{2000};
constexpr Duration kDetachPatience{2500};
static_assert(kBeneathPatience + kDetachPatience < kPlacePatience);
constexpr Duration kLockPatience{2000};  // of the time for the checks
constexpr Duration kLockLook{10};
constexpr Duration kLook{100};  // for a call that failed, which is no event

mounts::NfsMountRequest requestOf(const RemountPlan& plan, const std::string& target) {
  mounts::NfsMountRequest request;
  request.source = plan.source;
  request.target = target;
  request.options = plan.options;
  request.address = "127.0.0.1";
  // What utab says of the mount point (umount.efs) holds for the successor, too.
  return request;
}

Status mayDetach(const RemountPlan& plan) {
  EFS_TRY(table, mounts::MountTable::readKernel());
  const auto reason = mounts::whyNotDetach(table, plan.old);
  if (!reason) return {};
  return Error(ErrorKind::kUnsupported, "the old mount is left as it is: " + *reason);
}

Status isOwnTunnel(const RemountPlan& plan, std::optional<int> port) {
  if (port == plan.port) return {};
  return Error(ErrorKind::kBusy, "the kernel merged the new mount with another one (trunking)");
}

// A server may go on naming the directory that is gone: then the old mount is better than nothing,
// for what applications write at its place would land on this host's disk.
Error stillDead(const std::string& answer) {
  return Error(ErrorKind::kNotFound, "the root of the new mount is " + answer + " as well");
}

// --- the last step: no alarm and no death of the job may come between detach and attach

void beUninterrupted() {
  ::alarm(0);
  ::prctl(PR_SET_PDEATHSIG, 0);
}

// Of the directory that is bare between detach and attach: a mount.efs that finds it so would mount
// there as well. Others keep it only while they look at what is on top.
Result<std::optional<mounts::TargetLock>> lockPlace(const RemountPlan& plan) {
  const auto place = mounts::TargetDirectory::beneath(plan.old.target);
  if (!place) return std::optional<mounts::TargetLock>();  // cannot be told: kernels before 5.2
  const SystemClock clock;
  const Deadline deadline(clock, kLockPatience);
  while (true) {
    auto lock = mounts::TargetLock::tryAcquire(plan.target_lock, *place);
    if (lock) return std::optional(std::move(*lock));
    if (lock.error().kind() != ErrorKind::kBusy || deadline.passed()) return lock.error();
    EFS_CHECK(sleepFor(kLockLook));
  }
}

bool isGone(const RemountPlan& plan) {
  const auto table = mounts::MountTable::readKernel();
  return table && std::none_of(table->entries().begin(), table->entries().end(),
                               [&plan](const auto& entry) { return plan.old.is(entry); });
}

// umount2(2) takes only a path. Between this look and that call lies the race that is left. Where
// nothing is open on the old mount, the call writes back and says good bye to a server that may be
// silent, long after the mount has left the table: so a child makes it, which is left alone.
Status detachOld(const RemountPlan& plan) {
  const std::string what = "detaching the old mount at " + plan.old.target;
  EFS_TRY(monitor, mounts::openMountMonitor());
  EFS_CHECK(mayDetach(plan));
  EFS_TRY(job, mounts::UnmountJob::start(plan.old.target, {.force = false, .lazy = true}));
  const SystemClock clock;
  const Deadline deadline(clock, kDetachPatience);
  while (true) {
    // In this order: whoever else takes it away now makes our own call fail.
    const bool gone = isGone(plan);
    const auto ended = job.wait(Duration(0));
    const int err = ended && *ended ? **ended : 0;
    if (err != 0) return Error::fromErrno(err, what);
    if (gone) return {};
    if (!ended || deadline.passed()) {
      job.kill();
      return isGone(plan) ? Status() : Error::fromErrno(ETIMEDOUT, what);
    }
    (void)waitReady(monitor.get(), POLLPRI, kLook);
  }
}

// Nothing asks the server between the two.
Status swap(const RemountPlan& plan, int mount) {
  EFS_CHECK(detachOld(plan));
  constexpr unsigned kEmptyPath = MOVE_MOUNT_F_EMPTY_PATH;
  if (::move_mount(mount, "", AT_FDCWD, plan.old.target.c_str(), kEmptyPath) == 0) return {};
  return Error::fromErrno(errno, "putting the new mount at " + plan.old.target)
      .addHint("nothing is mounted there now: mount it again");
}

bool isInPlace(const RemountPlan& plan) {
  const auto table = mounts::MountTable::readKernel();
  return table && !table->withTunnelPort(plan.port).empty();
}

// Beneath the old mount there is no bare moment (Linux 6.5). The kernel walks into the old mount to
// find its place: with a silent server for ever, with ESTALE in vain; so a child tries.
bool putBeneath(const RemountPlan& plan, const mounts::DetachedMount& mount) {
  auto child = Subprocess::fork([&] {
    const auto place = mounts::TargetDirectory::open(plan.old.target);
    return place && place->mountId() == plan.old.id && mount.attachBeneath(place->fd()) ? 0 : 1;
  });
  if (!child) return false;
  const auto ended = child->wait(kBeneathPatience);
  const bool in_time = ended && ended->has_value();
  if (!in_time) child->killAndReap();
  // It may have been killed behind the call.
  return in_time ? (*ended)->code == 0 : isInPlace(plan);
}

}  // namespace

Result<std::string> putInPlace(const RemountPlan& plan, const mounts::DetachedMount& mount) {
  EFS_CHECK(mayDetach(plan));
  EFS_TRY(lock, lockPlace(plan));
  beUninterrupted();
  if (!putBeneath(plan, mount)) {
    EFS_CHECK(swap(plan, mount.fd()));
    return std::string();
  }
  EFS_CHECK(detachOld(plan));
  return std::string(kNeverBare);
}

namespace {

// --- mount(2), for kernels before 5.2

// The mount as a descriptor. Invalid: a kernel before 5.2.
Result<UniqueFd> takeUp(const std::string& path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (tree.get() < 0 && errno != ENOSYS) return Error::fromErrno(errno, "taking up " + path);
  return tree;
}

Status checkStaged(const RemountPlan& plan) {
  EFS_TRY(table, mounts::MountTable::readKernel());
  const auto* entry = table.atPath(plan.staging);
  EFS_CHECK(isOwnTunnel(plan, entry != nullptr ? entry->tunnelPort() : std::nullopt));
  EFS_TRY(answer, askRoot(plan.staging).withContext("asking the root of the new mount"));
  return answer.empty() ? Status() : stillDead(answer);
}

Status moveStaged(const RemountPlan& plan) {
  EFS_TRY(tree, takeUp(plan.staging));
  EFS_TRY(lock, lockPlace(plan));
  beUninterrupted();
  if (tree.valid()) return swap(plan, tree.get());
  EFS_CHECK(detachOld(plan));
  const char* target = plan.old.target.c_str();
  if (::mount(plan.staging.c_str(), target, nullptr, MS_BIND, nullptr) == 0) return {};
  return Error::fromErrno(errno, "putting the new mount at " + plan.old.target);
}

Status makeAtStaging(const RemountPlan& plan) {
  // Its child has a deadline of its own; whatever it leaves is cleared below.
  ::alarm(0);
  EFS_CHECK(makeDirectories(plan.staging, 0700));
  mounts::MountRules rules;
  rules.patience = Duration(1000 * kMountSeconds);
  rules.api = mounts::MountApi::kClassic;
  const auto mounted = mounts::mountNfs(requestOf(plan, plan.staging), rules);
  Status done = mounted ? Status() : Status(mounted.error());
  ::alarm(kCheckSeconds);
  if (done) done = checkStaged(plan);
  if (done) done = moveStaged(plan);
  // Also after a failure: whoever repairs this by hand mounts anew.
  clearStagingPath(plan.staging);
  return done;
}

// --- the maker

Status checkDetached(const RemountPlan& plan, const mounts::DetachedMount& mount) {
  EFS_TRY(port, mount.tunnelPort());
  EFS_CHECK(isOwnTunnel(plan, port));
  const Status root = mount.askRoot();
  return root || root.error().osError() != ESTALE ? root : stillDead("stale");
}

Result<std::string> make(const RemountPlan& plan) {
  std::optional<mounts::DetachedMount> mount;
  if (!plan.classic) {
    EFS_TRY(made, mounts::DetachedMount::make(requestOf(plan, plan.old.target)));
    mount = std::move(made);
  }
  if (!mount) {
    EFS_CHECK(makeAtStaging(plan));
    return std::string();
  }
  ::alarm(kCheckSeconds);
  EFS_CHECK(checkDetached(plan, *mount));
  return putInPlace(plan, *mount);
}

// Without the job nobody would take the answer, or give the identifier back.
Result<std::string> makeWhileJobLives(const RemountPlan& plan, pid_t job) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != job) return Error(ErrorKind::kInternal, "the job has ended");
  return make(plan);
}

}  // namespace

Result<RemountPlan> RemountPlan::fromEntry(const mounts::MountEntry& entry) {
  if (entry.root != "/") {
    return Error(ErrorKind::kUnsupported,
                 entry.target + " shows only the directory " + printable(entry.root));
  }
  RemountPlan plan;
  plan.source = entry.source;
  plan.old = mounts::MountIdentity::of(entry);
  plan.options = mounts::OptionList::parse(entry.options);
  // What the kernel worked out for itself.
  for (const char* key : {"addr", "clientaddr", "mountaddr"}) plan.options.remove(key);
  return plan;
}

Result<std::string> remountInChild(const RemountPlan& plan) {
  EFS_CHECK(mayDetach(plan));
  const SystemClock clock;
  const auto fresh = mounts::OwnClientIdentifier::set(
      plan.lock_path, clock, kIdentifierPatience,
      [](const std::string&) { return mounts::randomClientIdentifier(); });
  // Kernels before 5.3 have no such file; there the port alone must make the difference.
  if (!fresh && fresh.error().kind() != ErrorKind::kUnsupported) return fresh.error();
  const pid_t job = ::getpid();
  EFS_TRY(maker, ChildJob::start(kMountSeconds, [&] { return makeWhileJobLives(plan, job); }));
  constexpr Duration kAll = Duration(1000 * (kMountSeconds + kCheckSeconds)) + kPlacePatience;
  EFS_TRY(ended, waitReady(maker.pidFd(), POLLIN, kAll));
  if (!ended) maker.kill();
  if (!ended) return Error(ErrorKind::kTimeout, "the remount does not end");
  return maker.finish();
}

std::string stagingFolder(const std::string& state_directory) {
  const std::unique_ptr<char, decltype(&std::free)> real(
      ::realpath(state_directory.c_str(), nullptr), &std::free);
  return (real ? real.get() : state_directory) + std::string("/remount");
}

void clearStagingPath(const std::string& path) {
  // As often as something was mounted there; umount2(2) alone does not ask the server for its root.
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  (void)::rmdir(path.c_str());
}

Result<std::string> clearStaging(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    clearStagingPath(entry.path().string());
  }
  (void)::rmdir(folder.c_str());
  return std::string();
}

}  // namespace efs::watchdog
