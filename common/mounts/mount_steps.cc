#include "mount_steps.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/base/wait.h"
#include "efs/mounts/detached_mount.h"
#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/stacked_mount.h"
#include "efs/mounts/target_directory.h"
#include "utab.h"
#include "visible_mount.h"

namespace efs::mounts {
namespace {

// mount(2) copies one page of data and silently drops the rest.
constexpr std::size_t kMaxData = 4095;

int errnoOf(const Error& error) { return error.osError() != 0 ? error.osError() : EIO; }

// The user-space words that libmount notes in utab. A mount that an ordinary user may unmount gets
// no helper: umount(8) would run it with that user's rights, which suffice for nothing, while by
// itself it keeps its own and honours fstab.
std::string utabWords(const std::string& userspace, const std::string& umount_helper) {
  OptionList words = OptionList::parse(userspace);
  const bool for_users =
      words.has("user") || words.has("users") || words.has("owner") || words.has("group");
  if (for_users) {
    words.remove("helper");
  } else if (!umount_helper.empty()) {
    words.set("helper", umount_helper);
  }
  return words.text();
}

// The root of a mount that will never answer again; any other trouble is the application's to see.
bool isDead(int err) { return err == ESTALE || err == EIO || err == ETIMEDOUT; }

// A profile that knows mount(2) alone, such as one of AppArmor, refuses only here.
bool refusesAttaching(int err) { return err == ENOSYS || err == EPERM || err == EACCES; }

// Of a mount that is on top at its place, or will be in a moment: what lies on it is another
// maker's that finds itself stacked.
Result<UniqueFd> rootOf(const MountEntry& entry) {
  constexpr int kTries = 100;
  constexpr Duration kPause{10};
  for (int i = 0; i < kTries; ++i) {
    UniqueFd root(::open(entry.target.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!root.valid()) return Error::fromErrno(errno, "opening " + entry.target);
    EFS_TRY(id, mountIdOf(root.get()));
    if (id == entry.id) return root;
    EFS_CHECK(sleepFor(kPause));
  }
  return Error::fromErrno(EBUSY, entry.target);
}

class MountSteps {
 public:
  MountSteps(const NfsMountRequest& request, const MountRules& rules, const Tell& tell)
      : request_(request), rules_(rules), tell_(tell) {}

  void run() {
    begin(Step::kTarget);
    // Also so that nothing is asked of the server for a place that is taken or missing.
    const auto free = lockTarget(request_.target, "");
    if (!free) return fail(Step::kTarget, errnoOf(free.error()));
    if (!*free) return finish({.how = MountOutcome::How::kOccupied});
    if (rules_.api == MountApi::kAuto && byDescriptor()) return;
    byMountCall();
  }

  void judgeLeft(const VisibleMount& left, int directory) {
    directory_ = directory;
    path_ = left.entry.target;
    judgeOwn(left);
  }

 private:
  StepReport report(Step step, int err) const {
    return {step, err, directory_, path_.empty() ? 0 : placeOf(path_), {}, {}};
  }
  void begin(Step step) { tell_(report(step, 0)); }
  void finish(const MountOutcome& outcome) {
    StepReport done = report(Step::kDone, 0);
    done.outcome = outcome;
    tell_(done);
  }
  void fail(Step step, int err, const std::string& words = {}) {
    StepReport failed = report(step, err);
    std::strncpy(failed.words.data(), words.c_str(), failed.words.size() - 1);
    tell_(failed);
  }

  // False: not with this kernel, or not with what surrounds us; nothing has happened.
  bool byDescriptor();
  bool rootIsDead(const DetachedMount& mount);
  bool place(const DetachedMount& mount);
  // Takes the lock of the target. False: told.
  bool lock();
  bool prepareUtab();
  // Whether the mount of this root hid another one; then it is gone again, and that is told.
  bool wasStacked(int mount);
  // An NFS mount is at the target.
  bool isTaken() const;
  void byMountCall();
  int callMount();
  void judgeVisible(const TableBefore& before);
  void judgeOwn(const VisibleMount& own);
  void dropMerged(int mount, std::optional<int> port);

  const NfsMountRequest& request_;
  const MountRules& rules_;
  const Tell& tell_;
  std::optional<LockedTarget> target_;
  int directory_ = 0;  // the mount that the target is in
  std::string path_;   // of the target, canonical
  UtabNote utab_;
  bool utab_ready_ = false;
};

bool MountSteps::rootIsDead(const DetachedMount& mount) {
  begin(Step::kRoot);
  const auto root = mount.askRoot();
  if (root || !isDead(root.error().osError())) return false;
  fail(Step::kRoot, root.error().osError());
  return true;
}

bool MountSteps::lock() {
  if (target_) return true;
  begin(Step::kLock);
  auto locked = lockTarget(request_.target, rules_.target_lock);
  if (!locked) {
    fail(Step::kLock, errnoOf(locked.error()));
  } else if (!*locked) {
    finish({.how = MountOutcome::How::kOccupied});
  } else {
    target_ = std::move(*locked);
    directory_ = target_->directory.mountId();
    path_ = target_->directory.path();
  }
  return target_.has_value();
}

bool MountSteps::prepareUtab() {
  if (utab_ready_) return true;
  begin(Step::kPrepare);
  const auto options = classicOptions(request_);
  const int err = options
                      ? utab_.prepare(request_.source, target_->directory.path(), options->libmount)
                      : EINVAL;
  if (err != 0) fail(Step::kPrepare, err);
  utab_ready_ = err == 0;
  return utab_ready_;
}

bool MountSteps::byDescriptor() {
  begin(Step::kKernel);
  auto made = DetachedMount::attempt(request_);
  if (!made) return fail(Step::kKernel, errnoOf(made.error())), true;
  if (!made->possible) return false;
  if (!made->mount) return fail(Step::kKernel, made->err, made->words), true;
  const DetachedMount mount = std::move(*made->mount);
  if (rules_.own_port) {
    const auto port = mount.tunnelPort();
    // Where it cannot be told, a mount that is there shows its port.
    if (!port || !*port) return false;
    if (**port != *rules_.own_port) {
      finish({.how = MountOutcome::How::kMerged, .device = 0, .merged_with = **port});
      return true;
    }
  }
  if (rootIsDead(mount)) return true;
  return place(mount);
}

bool MountSteps::place(const DetachedMount& mount) {
  if (!lock() || !prepareUtab()) return true;
  begin(Step::kAttach);
  const auto attached = mount.attach(target_->directory.fd());
  if (!attached && refusesAttaching(attached.error().osError())) return false;
  if (!attached) return fail(Step::kAttach, attached.error().osError()), true;
  if (wasStacked(mount.fd())) return true;
  finish({.how = MountOutcome::How::kMounted, .device = mount.device(), .merged_with = -1});
  utab_.finish();
  return true;
}

bool MountSteps::isTaken() const {
  const auto table = MountTable::readKernel();
  const MountEntry* top = table ? table->atPath(path_) : nullptr;
  return top != nullptr && top->isNfs();
}

bool MountSteps::wasStacked(int mount) {
  const auto stacked = detachIfStacked(mount, directory_);
  if (!stacked) return fail(Step::kUndo, errnoOf(stacked.error())), true;
  if (!*stacked) return false;
  if (isTaken()) return finish({.how = MountOutcome::How::kOccupied}), true;
  return fail(Step::kAttach, EBUSY), true;
}

int MountSteps::callMount() {
  NfsMountRequest one = request_;
  int err = EINVAL;
  for (const auto& version : versionsToTry(request_.options)) {
    if (!version.empty()) one.options.set(one.options.has("vers") ? "vers" : "nfsvers", version);
    const auto options = classicOptions(one);
    if (!options) return EINVAL;
    const int failed = ::mount(request_.source.c_str(), target_->directory.path().c_str(), "nfs4",
                               options->flags, options->data.c_str());
    err = failed == 0 ? 0 : errno;
    if (err != EPROTONOSUPPORT) break;
  }
  return err;
}

// Held over the whole of mount(2), which makes and attaches at once.
void MountSteps::byMountCall() {
  if (!lock() || !prepareUtab()) return;
  begin(Step::kKernel);
  const auto before = TableBefore::look();
  const int err = callMount();
  // The kernel refuses the very same mount on itself: another maker's, that came just now.
  if (err == EBUSY && isTaken()) return finish({.how = MountOutcome::How::kOccupied});
  if (err != 0) return fail(Step::kKernel, err);
  judgeVisible(before);
}

// Others, who have locks of their own, may have mounted here since as well.
void MountSteps::judgeVisible(const TableBefore& before) {
  const auto table = MountTable::readKernel();
  if (!table) return fail(Step::kUndo, errnoOf(table.error()));
  const MountCall call{request_.source, path_, rules_.own_port};
  const auto own = findOwn(*table, nfsVolumes(), before, call);
  if (own.mount) return judgeOwn(*own.mount);
  if (own.ambiguous) return fail(Step::kUndo, EBUSY);
  // Somebody has taken it away already.
  finish({});
  utab_.finish();
}

void MountSteps::judgeOwn(const VisibleMount& own) {
  const bool stacked = own.entry.parent_id != directory_;
  if (own.merged || stacked) {
    const auto root = rootOf(own.entry);
    if (own.merged && !root) return fail(Step::kUndo, errnoOf(root.error()));
    if (own.merged) return dropMerged(root->get(), own.port);
    // One that somebody else covered for good would take that along.
    if (root && wasStacked(root->get())) return;
  }
  finish({.how = MountOutcome::How::kMounted, .device = own.entry.device, .merged_with = -1});
  if (utab_ready_) utab_.finish();
}

void MountSteps::dropMerged(int mount, std::optional<int> port) {
  begin(Step::kUndo);
  const Status dropped = detachExactly(mount);
  if (!dropped) return fail(Step::kUndo, dropped.error().osError());
  finish({.how = MountOutcome::How::kMerged, .device = 0, .merged_with = port.value_or(-1)});
}

}  // namespace

Result<ClassicOptions> classicOptions(const NfsMountRequest& request) {
  EFS_TRY(sorted, sortOptions(request.options));
  OptionList nfs = OptionList::parse(sorted.nfs);
  nfs.set("addr", request.address);
  ClassicOptions options;
  options.flags = sorted.vfs_flags;
  options.data = nfs.text();
  if (options.data.size() > kMaxData) {
    return Error(ErrorKind::kInvalidInput,
                 "the NFS mount options have " + std::to_string(options.data.size()) +
                     " characters, the kernel takes " + std::to_string(kMaxData));
  }
  std::vector<std::string> parts;
  const auto words = utabWords(sorted.userspace, request.umount_helper);
  for (const auto& part : {sorted.vfs, words, options.data}) {
    if (!part.empty()) parts.push_back(part);
  }
  options.libmount = join(parts, ",");
  return options;
}

void carryOutMount(const NfsMountRequest& request, const MountRules& rules, const Tell& tell) {
  MountSteps(request, rules, tell).run();
}

void judgeLeft(const VisibleMount& left, int directory, const NfsMountRequest& request,
               const MountRules& rules, const Tell& tell) {
  MountSteps(request, rules, tell).judgeLeft(left, directory);
}

}  // namespace efs::mounts
