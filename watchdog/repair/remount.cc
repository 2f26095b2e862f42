// Three processes: the job, which holds the client identifier and waits; the maker, which has the
// new mount's descriptor; and for a moment one that asks for the old mount's root, which may never
// answer.
#include "repair/remount.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr Duration kBeneathPatience{2000};
constexpr Duration kDetachPatience{2500};
static_assert(kBeneathPatience + kDetachPatience < kPlacePatience);
constexpr Duration kLockPatience{2000};  // of the time for the checks
constexpr Duration kLockLook{10};
constexpr Duration kLook{100};  // for a call that failed, which is no event

// A server may go on naming the directory that is gone: then the old mount is better than nothing,
// for what applications write at its place would land on this host's disk.
Error stillDead(const std::string& answer) {
  return Error(ErrorKind::kNotFound, "the root of the new mount is " + answer + " as well");
}

// One remount in whichever of its processes runs.
class Remount {
 public:
  Remount(const RemountPlan& plan, const RemountTools& tools)
      : plan_(plan), calls_(tools.calls), tools_(tools) {}

  Result<std::string> run() {
    EFS_CHECK(mayDetach());
    if (plan_.lies_beneath) return uncover();
    // Held until the maker has ended: a mount that somebody else makes in between would take the
    // fresh name, and the kernel would merge it with ours. With the old name the kernel would merge
    // the new mount with the hung one, which hangs again (docs/faults.md).
    const auto fresh = calls_.ownIdentifier(plan_.lock_path, kIdentifierPatience);
    // Kernels before 5.3 have no such file; there the port alone must make the difference.
    if (!fresh && fresh.error().kind() != ErrorKind::kUnsupported) return fresh.error();
    constexpr Duration kAll = Duration(1000 * (kMountSeconds + kCheckSeconds)) + kPlacePatience;
    return calls_.runMaker(kMountSeconds, kAll, [this] { return make(); });
  }

  Result<std::string> putInPlace(NewMount& mount) {
    EFS_CHECK(mayDetach());
    // Until the process ends: whoever mounts there meanwhile must find us.
    EFS_TRY(lock, lockPlace());
    // No alarm and no death of the job may come between detach and attach.
    calls_.beUninterrupted();
    if (!putBeneath(mount)) {
      EFS_CHECK(swap(mount));
      return std::string();
    }
    // Beneath the old one it is attached, but not in sight before this.
    EFS_CHECK(detachOld());
    return std::string(kNeverBare);
  }

 private:
  mounts::NfsMountRequest requestFor(const std::string& target) const {
    mounts::NfsMountRequest request;
    request.source = plan_.source;
    request.target = target;
    request.options = plan_.options;
    request.address = "127.0.0.1";
    // What utab says of the mount point (umount.efs) holds for the successor, too.
    return request;
  }

  Status mayDetach() {
    EFS_TRY(table, calls_.mountTable());
    const auto attached = [this](const auto& old) { return calls_.stillAttached(old); };
    const auto reason = mounts::whyNotDetach(table, plan_.old, attached);
    if (!reason) return {};
    return Error(ErrorKind::kUnsupported, "the old mount is left as it is: " + *reason);
  }

  Status isOwnTunnel(std::optional<int> port) const {
    if (port == plan_.port) return {};
    return Error(ErrorKind::kBusy, "the kernel merged the new mount with another one (trunking)");
  }

  // Of the directory that is bare between detach and attach: a mount.efs that finds it so would
  // mount there as well. Others keep it only while they look at what is on top.
  Result<HeldPtr> lockPlace() {
    const Deadline deadline(tools_.clock, kLockPatience);
    while (true) {
      auto lock = calls_.tryLockPlace(plan_.target_lock, plan_.old.target);
      if (lock) return lock;
      if (lock.error().kind() != ErrorKind::kBusy || deadline.passed()) return lock.error();
      EFS_CHECK(calls_.pause(kLockLook));
    }
  }

  bool isGone() {
    const auto table = calls_.mountTable();
    return table && std::none_of(table->entries().begin(), table->entries().end(),
                                 [this](const auto& entry) { return plan_.old.is(entry); });
  }

  // umount2(2) takes only a path. Between this look and that call lies the race that is left. Where
  // nothing is open on the old mount, the call writes back and says good bye to a server that may
  // be silent, long after the mount has left the table: so a child makes it, which is left alone.
  Status detachOld() {
    const std::string what = "detaching the old mount at " + plan_.old.target;
    EFS_TRY(events, calls_.tableEvents());
    EFS_CHECK(mayDetach());
    EFS_TRY(job, calls_.detach(plan_.old.target));
    const Deadline deadline(tools_.clock, kDetachPatience);
    while (true) {
      // In this order: whoever else takes it away now makes our own call fail.
      const bool gone = isGone();
      const auto ended = job->ended();
      const int err = ended && *ended ? **ended : 0;
      if (err != 0) return Error::fromErrno(err, what);
      if (gone) return {};
      if (!ended || deadline.passed()) {
        job->kill();
        return isGone() ? Status() : Error::fromErrno(ETIMEDOUT, what);
      }
      events->wait(kLook);
    }
  }

  // The mount in which the old one's directory is.
  Result<int> parentOfOld() {
    EFS_TRY(table, calls_.mountTable());
    for (const auto& entry : table.entries()) {
      if (plan_.old.is(entry)) return entry.parent_id;
    }
    return Error(ErrorKind::kNotFound, "nothing is mounted at " + plan_.old.target + " any more");
  }

  // Whoever shares no lock with us may have mounted there in between: then that one stays.
  Status keepUnlessStacked(NewMount& mount, int parent) const {
    EFS_TRY(stacked, mount.detachIfStacked(parent));
    if (!stacked) return {};
    return Error(ErrorKind::kBusy, "another mount came to " + plan_.old.target +
                                       " in the moment in which it was bare, and stays");
  }

  // Nothing asks the server between the two.
  Status swap(NewMount& mount) {
    // Before the detach: afterwards the table no longer tells where the old mount lay.
    EFS_TRY(parent, parentOfOld());
    EFS_CHECK(detachOld());
    EFS_CHECK(
        mount.attach(plan_.old.target).withHint("nothing is mounted there now: mount it again"));
    return keepUnlessStacked(mount, parent);
  }

  // What an earlier try left undone.
  Result<std::string> uncover() {
    EFS_TRY(lock, lockPlace());
    EFS_CHECK(liesBeneath());
    calls_.beUninterrupted();
    EFS_CHECK(detachOld());
    return std::string(kNeverBare);
  }

  bool isNew(const mounts::MountEntry* entry) const {
    return entry != nullptr && entry->target == plan_.old.target &&
           entry->tunnelPort() == plan_.port;
  }

  // Nothing else would be in sight afterwards.
  Status liesBeneath() {
    EFS_TRY(table, calls_.mountTable());
    const auto* old = table.withId(plan_.old.id);
    const auto* beneath = old != nullptr ? table.withId(old->parent_id) : nullptr;
    if (isNew(beneath)) return {};
    return Error(ErrorKind::kNotFound, "the new mount beneath " + plan_.old.target + " is gone");
  }

  bool isInPlace() {
    const auto table = calls_.mountTable();
    if (!table) return false;
    const auto* old = table->withId(plan_.old.id);
    return isNew(old != nullptr ? table->withId(old->parent_id) : table->atPath(plan_.old.target));
  }

  // Beneath the old mount there is no bare moment (Linux 6.5). The kernel walks into the old mount
  // to find its place: with a silent server for ever, with ESTALE in vain.
  bool putBeneath(NewMount& mount) {
    const auto done = mount.attachBeneath(plan_.old, kBeneathPatience);
    return done ? *done : isInPlace();
  }

  // --- mount(2), for kernels before 5.2

  Status checkStaged() {
    EFS_TRY(table, calls_.mountTable());
    const auto* entry = table.atPath(plan_.staging);
    EFS_CHECK(isOwnTunnel(entry != nullptr ? entry->tunnelPort() : std::nullopt));
    EFS_TRY(answer, calls_.askRoot(plan_.staging).withContext("asking the root of the new mount"));
    return answer.empty() ? Status() : stillDead(answer);
  }

  Status moveStaged() {
    EFS_TRY(tree, calls_.takeUp(plan_.staging));
    EFS_TRY(lock, lockPlace());
    calls_.beUninterrupted();
    if (tree) return swap(*tree);
    EFS_CHECK(detachOld());
    return calls_.bind(plan_.staging, plan_.old.target);
  }

  Status makeAtStaging() {
    // Its child has a deadline of its own; whatever it leaves is cleared below.
    calls_.setDeadline(0);
    EFS_CHECK(tools_.files.makeDirectories(plan_.staging, 0700));
    Status done = calls_.mountAt(requestFor(plan_.staging), Duration(1000 * kMountSeconds));
    calls_.setDeadline(kCheckSeconds);
    if (done) done = checkStaged();
    if (done) done = moveStaged();
    // Also after a failure: whoever repairs this by hand mounts anew.
    (void)clearStagingPath(plan_.staging, tools_);
    return done;
  }

  // --- the maker

  Status checkDetached(NewMount& mount) {
    EFS_TRY(port, mount.tunnelPort());
    EFS_CHECK(isOwnTunnel(port));
    const Status root = mount.askRoot();
    return root || root.error().osError() != ESTALE ? root : stillDead("stale");
  }

  Result<std::string> make() {
    std::unique_ptr<NewMount> mount;
    if (!plan_.classic) {
      // A descriptor: until it is attached nobody can see it, and it vanishes with this process.
      EFS_TRY(made, calls_.makeMount(requestFor(plan_.old.target)));
      mount = std::move(made);
    }
    if (!mount) {
      EFS_CHECK(makeAtStaging());
      return std::string();
    }
    calls_.setDeadline(kCheckSeconds);
    // While nobody sees it, giving up costs nothing.
    EFS_CHECK(checkDetached(*mount));
    return putInPlace(*mount);
  }

  const RemountPlan& plan_;
  RemountCalls& calls_;
  const RemountTools& tools_;
};

}  // namespace

Result<RemountPlan> planRemount(const mounts::MountEntry& entry,
                                const mounts::MountIdentity& identity) {
  if (entry.root != "/") {
    return Error(ErrorKind::kUnsupported,
                 entry.target + " shows only the directory " + printable(entry.root));
  }
  RemountPlan plan;
  plan.source = entry.source;
  plan.old = identity;
  plan.options = mounts::OptionList::parse(entry.options);
  // What the kernel worked out for itself.
  for (const char* key : {"addr", "clientaddr", "mountaddr"}) plan.options.remove(key);
  return plan;
}

Result<std::string> remountInChild(const RemountPlan& plan, const RemountTools& tools) {
  return Remount(plan, tools).run();
}

Result<std::string> putInPlace(const RemountPlan& plan, NewMount& mount,
                               const RemountTools& tools) {
  return Remount(plan, tools).putInPlace(mount);
}

std::string stagingFolder(state::StateFiles& files, const std::string& state_directory) {
  return files.realPath(state_directory) + "/remount";
}

Result<std::string> clearStagingPath(const std::string& path, const RemountTools& tools) {
  // As often as something was mounted there; the call does not ask the server for its root.
  while (tools.calls.detachNow(path)) {
  }
  (void)tools.files.removeEmpty(path);
  return std::string();
}

Result<std::string> clearStaging(const std::string& folder, const RemountTools& tools) {
  const auto names = tools.files.list(folder);
  for (const auto& name : names ? *names : std::vector<std::string>()) {
    (void)clearStagingPath(folder + "/" + name, tools);
  }
  (void)tools.files.removeEmpty(folder);
  return std::string();
}

}  // namespace efs::watchdog
