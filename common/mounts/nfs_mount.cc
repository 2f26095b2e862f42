// A mount can wait for a server for ever, though killably. So it is made in a forked child, which
// reports over a pipe how far it came; the parent waits with a deadline and words the error.
#include "efs/mounts/nfs_mount.h"

#include <libmount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "efs/base/ask_child.h"
#include "efs/base/freed_by.h"
#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_table.h"
#include "mount_errors.h"
#include "mount_steps.h"
#include "visible_mount.h"

namespace efs::mounts {
namespace {

// A remount asks the server nothing; it may write back dirty pages.
constexpr Duration kRemountPatience{60000};

// A mount that somebody else's covers is waited for, for a second (stacked_mount.h).
constexpr Duration kJudgePatience{3000};

// What the child told last, and how its time ended.
struct ChildEnd {
  StepReport last;
  bool told = false;  // anything at all
  bool timed_out = false;
  bool cancelled = false;
};

void readReports(const std::string& text, ChildEnd& end) {
  constexpr std::size_t kSize = sizeof(StepReport);
  if (text.size() < kSize) return;
  std::memcpy(&end.last, text.data() + (text.size() / kSize - 1) * kSize, kSize);
  end.told = true;
}

// A wait for ever, or for minutes, must not miss the signal that came just before it; and none of
// the caller's output stays with a child that cannot be killed.
Result<ChildEnd> runInChild(const std::function<void(const Tell&)>& body,
                            std::optional<Duration> patience) {
  const ChildRules rules{.keeps_output = false, .heeds_noticed_interrupt = true};
  const auto work = [&body](int out) {
    body([out](const StepReport& report) { (void)!::write(out, &report, sizeof report); });
    return 0;
  };
  EFS_TRY(answer, askChild(patience, work, rules));
  ChildEnd end;
  end.timed_out = answer.end == ChildAnswer::End::kTimedOut;
  end.cancelled = answer.end == ChildAnswer::End::kCancelled;
  readReports(answer.text, end);
  return end;
}

Error targetError(const std::string& target, int err) {
  if (err == ENOENT) return Error::fromErrno(err, "mount point " + target);
  if (err == ENOTDIR) return Error::fromErrno(err, "mount point " + target);
  return Error::fromErrno(err, "looking at mount point " + target);
}

Error stepError(const NfsMountRequest& request, const StepReport& report) {
  const int err = report.err;
  switch (report.step) {
    case Step::kTarget:
      return targetError(request.target, err);
    case Step::kKernel:
    case Step::kDone:
      break;
    case Step::kRoot:
      return Error::fromErrno(err, "the root of " + request.source + " is dead");
    case Step::kLock:
      return Error::fromErrno(err, "locking mount point " + request.target);
    case Step::kPrepare:
      return Error::fromErrno(err, "preparing the mount of " + request.source);
    case Step::kAttach:
      return Error::fromErrno(err,
                              "attaching the mount of " + request.source + " to " + request.target);
    case Step::kUndo:
      return Error::fromErrno(err, "undoing the mount at " + request.target);
  }
  return kernelError(request, err, report.words.data());
}

bool mayHaveMounted(const StepReport& last) {
  const bool mounting =
      last.step == Step::kKernel || last.step == Step::kAttach || last.step == Step::kUndo;
  return mounting && last.directory != 0;
}

// A child that was killed may have mounted before it could tell, and before it had seen what its
// mount lies on and through whose tunnel it goes: a second child does that in its place.
Result<std::optional<MountOutcome>> whatIsLeft(const NfsMountRequest& request,
                                               const MountRules& rules, const TableBefore& before,
                                               const StepReport& last) {
  const auto table = MountTable::readKernel();
  if (!table || before.ids.empty() || !mayHaveMounted(last)) return std::optional<MountOutcome>();
  const auto left = findLeft(*table, nfsVolumes(), before,
                             {request.source, last.place, last.directory, rules.own_port});
  if (!left) return std::optional<MountOutcome>();
  if (!left->merged && left->entry.parent_id == last.directory) {
    return std::optional(
        MountOutcome{.how = MountOutcome::How::kMounted, .device = left->entry.device});
  }
  EFS_TRY(
      end,
      runInChild([&](const Tell& tell) { judgeLeft(*left, last.directory, request, rules, tell); },
                 kJudgePatience));
  if (end.told && end.last.step == Step::kDone) return std::optional(end.last.outcome);
  StepReport failed;
  failed.step = Step::kUndo;
  failed.err = end.told && end.last.err != 0 ? end.last.err : ETIMEDOUT;
  return stepError(request, failed);
}

Error unfinished(const NfsMountRequest& request, const ChildEnd& end) {
  if (end.cancelled || interrupted() != 0) return interruptedError();
  if (!end.timed_out) return {ErrorKind::kInternal, "the mount child died"};
  const bool waited = end.told && end.last.step == Step::kLock;
  const std::string what = waited ? "waiting for another mount at " + request.target
                                  : "mounting " + request.source + " on " + request.target;
  return Error::fromErrno(ETIMEDOUT, what).setKind(ErrorKind::kTimeout);
}

// In the child: MS_REMOUNT by libmount, which keeps utab as it should be.
void remountHere(const NfsMountRequest& request, const std::string& options, const Tell& tell) {
  StepReport report;
  const std::unique_ptr<char, decltype(&std::free)> real(
      ::realpath(request.target.c_str(), nullptr), &std::free);
  struct stat info {};
  if (!real || ::stat(real.get(), &info) != 0) {
    report.err = errno;
    return tell(report);
  }
  report.step = Step::kPrepare;
  report.err = ENOMEM;
  const std::unique_ptr<libmnt_context, FreedBy<mnt_free_context>> context(mnt_new_context());
  libmnt_context* raw = context.get();
  if (raw == nullptr || mnt_context_disable_helpers(raw, 1) != 0 ||
      mnt_context_disable_canonicalize(raw, 1) != 0 || mnt_context_set_fstype(raw, "nfs4") != 0 ||
      mnt_context_set_source(raw, request.source.c_str()) != 0 ||
      mnt_context_set_target(raw, real.get()) != 0 ||
      mnt_context_set_options(raw, options.c_str()) != 0) {
    return tell(report);
  }
  const int status = mnt_context_mount(raw);
  if (mnt_context_syscall_called(raw) == 1) {
    report.step = Step::kKernel;
    report.err = std::max(mnt_context_get_syscall_errno(raw), 0);
  } else {
    report.err = status < 0 && status > -1000 ? -status : EINVAL;
  }
  if (report.err == 0) report.step = Step::kDone;
  tell(report);
}

}  // namespace

std::vector<std::string> versionsToTry(const OptionList& options) {
  const auto version = options.has("vers") ? options.value("vers") : options.value("nfsvers");
  if (version != "4" || options.has("minorversion")) return {""};
  return {"4.2", "4.1", "4.0"};
}

Result<MountOutcome> mountNfs(const NfsMountRequest& request, const MountRules& rules) {
  EFS_TRY(checked, classicOptions(request));
  const auto before = TableBefore::look();
  EFS_TRY(end, runInChild([&](const Tell& tell) { carryOutMount(request, rules, tell); },
                          rules.patience));
  if (end.told && end.last.step == Step::kDone) return end.last.outcome;
  if (end.told && end.last.err != 0) return stepError(request, end.last);
  EFS_TRY(left, whatIsLeft(request, rules, before, end.last));
  if (left) return *left;
  return unfinished(request, end);
}

Status mountNfs(const NfsMountRequest& request, std::optional<Duration> patience) {
  MountRules rules;
  rules.patience = patience;
  EFS_TRY(outcome, mountNfs(request, rules));
  if (outcome.how == MountOutcome::How::kMounted) return {};
  return kernelError(request, EBUSY, "");
}

Status remountNfs(const NfsMountRequest& request) {
  EFS_TRY(options, classicOptions(request));
  const std::string words = "remount," + options.libmount;
  EFS_TRY(end, runInChild([&](const Tell& tell) { remountHere(request, words, tell); },
                          kRemountPatience));
  if (end.cancelled) return interruptedError();
  if (end.timed_out || !end.told) {
    return Error::fromErrno(ETIMEDOUT, "remounting " + request.target);
  }
  if (end.last.err == 0) return {};
  return stepError(request, end.last);
}

}  // namespace efs::mounts
