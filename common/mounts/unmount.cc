#include "efs/mounts/unmount.h"

#include <libmount.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "efs/base/ask_child.h"
#include "efs/base/freed_by.h"

namespace efs::mounts {
namespace {

constexpr Duration kTidyPatience{2000};

// An errno fits into an exit code.
int unmountHere(const std::string& target, UnmountFlags flags) {
  const int bits = UMOUNT_NOFOLLOW | (flags.force ? MNT_FORCE : 0) | (flags.lazy ? MNT_DETACH : 0);
  return ::umount2(target.c_str(), bits) == 0 ? 0 : errno;
}

int remountHere(const MountEntry& mount) {
  unsigned long flags = 0;
  (void)mnt_optstr_get_flags(mount.options.c_str(), &flags, mnt_get_builtin_optmap(MNT_LINUX_MAP));
  flags |= MS_REMOUNT | MS_RDONLY;
  // Without data the NFS client keeps its options (fs/nfs/fs_context.c).
  const int failed = ::mount(mount.source.c_str(), mount.target.c_str(), nullptr, flags, nullptr);
  return failed == 0 ? 0 : errno;
}

int forgetHere(const std::string& target) {
  const std::unique_ptr<libmnt_update, FreedBy<mnt_free_update>> update(mnt_new_update());
  if (update && mnt_update_set_fs(update.get(), 0, target.c_str(), nullptr) == 0) {
    (void)mnt_update_table(update.get(), nullptr);
  }
  return 0;
}

// 0, or the errno.
int go(const MountNamespace* where) {
  if (where == nullptr) return 0;
  const Status entered = where->enter();
  return entered ? 0 : entered.error().osError();
}

ChildRules rulesFor(const MountNamespace* where) {
  ChildRules rules;
  if (where != nullptr) rules.kept_fds = {where->fd()};
  return rules;
}

bool isMounted(int id) {
  const auto table = MountTable::readKernel();
  // What cannot be seen is taken to be there.
  return !table || std::any_of(table->entries().begin(), table->entries().end(),
                               [id](const auto& entry) { return entry.id == id; });
}

}  // namespace

Result<UnmountJob> UnmountJob::start(const std::string& target, UnmountFlags flags,
                                     const MountNamespace* where) {
  ChildRules rules = rulesFor(where);
  // Whoever waits for the end of the caller's output, or of any pipe, must not wait for this.
  rules.ends_with_parent = rules.keeps_output = false;
  EFS_TRY(child, ChildWork::start(
                     [&](int /*out*/) {
                       const int err = go(where);
                       return err != 0 ? err : unmountHere(target, flags);
                     },
                     rules));
  return UnmountJob(std::move(child));
}

Result<std::optional<int>> UnmountJob::wait(Duration patience) {
  EFS_TRY(ended, child_.wait(patience));
  if (!ended) return std::optional<int>();
  if (ended->signal != 0) {
    return Error(ErrorKind::kInternal, "the unmount was " + ended->describe());
  }
  return std::optional<int>(ended->code);
}

Status unmount(const std::string& target, bool lazy, Duration patience) {
  const auto before = MountTable::readKernel();
  const MountEntry* top = before ? before->atPath(target) : nullptr;
  const int id = top != nullptr ? top->id : -1;
  EFS_TRY(job, UnmountJob::start(target, {.force = false, .lazy = lazy}));
  auto ended = job.wait(patience);
  const bool unfinished = !ended || !ended->has_value();
  if (unfinished) job.kill();
  if (!unfinished && **ended == EINVAL) {
    return Error::fromErrno(EINVAL, target + " is not mounted").setKind(ErrorKind::kNotFound);
  }
  if (!unfinished && **ended != 0) return Error::fromErrno(**ended, "unmounting " + target);
  // It leaves the table before it waits for the server: done as well, though the child was killed.
  if (unfinished && (id < 0 || isMounted(id))) {
    return Error::fromErrno(ETIMEDOUT, "unmounting " + target);
  }
  forgetInUtab(target);
  return {};
}

Status remountReadOnly(const MountEntry& mount, Duration patience, const MountNamespace* where) {
  const std::string what = "remounting " + mount.target + " read-only";
  const auto remount = [&mount, where](int /*out*/) {
    const int err = go(where);
    return err != 0 ? err : remountHere(mount);
  };
  EFS_TRY(answer, askChild(patience, remount, rulesFor(where)));
  EFS_CHECK(answer.exited(what));
  if (answer.status.code != 0) return Error::fromErrno(answer.status.code, what);
  return {};
}

void forgetInUtab(const std::string& target) {
  (void)askChild(kTidyPatience, [&target](int /*out*/) { return forgetHere(target); });
}

}  // namespace efs::mounts
