// mount(2) can wait for a server for ever, though killably. So it runs in a forked child, which
// reports over a pipe where it stopped and with which errno; the parent waits with a deadline and
// words the error.
#include "efs/mounts/nfs_mount.h"

#include <libmount.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/mount_table.h"
#include "mount_errors.h"

namespace efs::mounts {
namespace {

// mount(2) copies one page of data and silently drops the rest.
constexpr std::size_t kMaxData = 4095;
// A remount asks the server nothing; it may write back dirty pages.
constexpr Duration kRemountPatience{60000};

enum class Stage : int { kTarget, kPrepare, kKernel };

// How far the child came; err 0 = success.
struct Report {
  Stage stage = Stage::kPrepare;
  int err = 0;
};

struct ContextDeleter {
  void operator()(libmnt_context* context) const { mnt_free_context(context); }
};

Result<Report> readReport(int fd) {
  Report report;
  const ssize_t got = ::read(fd, &report, sizeof report);
  if (got != sizeof report) return Error(ErrorKind::kInternal, "the mount child died");
  return report;
}

// A wait for ever, or for minutes, must not miss the signal that came just before it.
Result<bool> waitFor(Subprocess& child, std::optional<Duration> patience) {
  constexpr Duration kSlice{200};
  for (Duration left = patience.value_or(Duration::max()); left > Duration(0);) {
    const Duration slice = std::min(left, kSlice);
    const auto ended = child.wait(slice);
    if (ended && *ended) return true;
    if (!ended || interrupted() != 0) {
      child.killAndReap();
      return ended ? interruptedError() : ended.error();
    }
    if (patience) left -= slice;
  }
  child.killAndReap();
  return false;
}

// Runs `body` in a child. nullopt: the deadline passed and the child was killed.
Result<std::optional<Report>> runInChild(const std::function<Report()>& body,
                                         std::optional<Duration> patience) {
  EFS_TRY(pipe, makePipe());
  const int out = pipe.write_end.get();
  EFS_TRY(child, Subprocess::fork([&body, out] {
            const Report report = body();
            return ::write(out, &report, sizeof report) == sizeof report ? 0 : 1;
          }));
  pipe.write_end.reset();
  EFS_TRY(ended, waitFor(child, patience));
  if (!ended) return std::optional<Report>();
  const auto report = readReport(pipe.read_end.get());
  // A terminal's interrupt reaches the child as well, and ends it.
  if (!report && interrupted() != 0) return interruptedError();
  if (!report) return report.error();
  return std::optional<Report>(*report);
}

// In the child: the steps that touch paths may block as well.
Report mountHere(const std::string& source, const std::string& target, const std::string& options) {
  char* real = ::realpath(target.c_str(), nullptr);
  const std::unique_ptr<char, decltype(&std::free)> canonical(real, &std::free);
  struct stat info {};
  if (real == nullptr || ::stat(real, &info) != 0) return {Stage::kTarget, errno};
  if (!S_ISDIR(info.st_mode)) return {Stage::kTarget, ENOTDIR};
  const std::unique_ptr<libmnt_context, ContextDeleter> context(mnt_new_context());
  libmnt_context* raw = context.get();
  if (raw == nullptr) return {Stage::kPrepare, ENOMEM};
  // Without helpers libmount calls mount(2) itself; it then notes _netdev, uhelper= and helper= in
  // /run/mount/utab, where umount(8) and systemd look for them.
  if (mnt_context_disable_helpers(raw, 1) != 0 || mnt_context_disable_canonicalize(raw, 1) != 0 ||
      mnt_context_set_fstype(raw, "nfs4") != 0 ||
      mnt_context_set_source(raw, source.c_str()) != 0 || mnt_context_set_target(raw, real) != 0 ||
      mnt_context_set_options(raw, options.c_str()) != 0) {
    return {Stage::kPrepare, ENOMEM};
  }
  const int status = mnt_context_mount(raw);
  if (mnt_context_syscall_called(raw) == 1) {
    // A failure after mount(2), such as a read-only /run, leaves a good mount.
    return {Stage::kKernel, std::max(mnt_context_get_syscall_errno(raw), 0)};
  }
  return {Stage::kPrepare, status < 0 && status > -1000 ? -status : EINVAL};
}

Error targetError(const std::string& target, int err) {
  if (err == ENOENT) return Error::fromErrno(err, "mount point " + target);
  if (err == ENOTDIR) return Error::fromErrno(err, "mount point " + target);
  return Error::fromErrno(err, "looking at mount point " + target);
}

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

Result<std::string> optionText(const NfsMountRequest& request, bool remount) {
  EFS_TRY(sorted, sortOptions(request.options));
  OptionList nfs = OptionList::parse(sorted.nfs);
  nfs.set("addr", request.address);
  const std::string data = nfs.text();
  if (data.size() > kMaxData) {
    return Error(ErrorKind::kInvalidInput,
                 "the NFS mount options have " + std::to_string(data.size()) +
                     " characters, the kernel takes " + std::to_string(kMaxData));
  }
  std::vector<std::string> parts;
  if (remount) parts.emplace_back("remount");
  for (const auto& part : {sorted.vfs, utabWords(sorted.userspace, request.umount_helper), data}) {
    if (!part.empty()) parts.push_back(part);
  }
  return join(parts, ",");
}

Status judge(const NfsMountRequest& request, const Report& report) {
  if (report.err == 0) return {};
  if (report.stage == Stage::kTarget) return targetError(request.target, report.err);
  if (report.stage == Stage::kKernel) return kernelError(request, report.err, "");
  return Error::fromErrno(report.err, "preparing the mount of " + request.source);
}

std::set<int> mountIds() {
  std::set<int> ids;
  const auto table = MountTable::readKernel();
  if (!table) return ids;
  for (const auto& entry : table->entries()) ids.insert(entry.id);
  return ids;
}

// The child may have been killed after mount(2) and before its report: then the mount is there.
bool appearedSince(const std::set<int>& before, const NfsMountRequest& request) {
  const auto table = MountTable::readKernel();
  if (!table || before.empty()) return false;
  const auto port = parseInt(request.options.value("port").value_or("2049"));
  return std::any_of(table->entries().begin(), table->entries().end(), [&](const auto& entry) {
    return before.count(entry.id) == 0 && entry.isNfs() && entry.source == request.source && port &&
           entry.tunnelPort() == static_cast<int>(*port);
  });
}

Status mountVersion(const NfsMountRequest& request, std::optional<Duration> patience) {
  EFS_TRY(options, optionText(request, false));
  const auto before = mountIds();
  auto report =
      runInChild([&] { return mountHere(request.source, request.target, options); }, patience);
  if (!report && report.error().kind() != ErrorKind::kCancelled) return report.error();
  if (report && *report) return judge(request, **report);
  if (appearedSince(before, request)) return {};
  if (!report) return report.error();
  return Error::fromErrno(ETIMEDOUT, "mounting " + request.source + " on " + request.target)
      .setKind(ErrorKind::kTimeout);
}

}  // namespace

std::vector<std::string> versionsToTry(const OptionList& options) {
  const auto version = options.has("vers") ? options.value("vers") : options.value("nfsvers");
  if (version != "4" || options.has("minorversion")) return {""};
  return {"4.2", "4.1", "4.0"};
}

Status mountNfs(const NfsMountRequest& request, std::optional<Duration> patience) {
  NfsMountRequest one = request;
  Status mounted;
  for (const auto& version : versionsToTry(request.options)) {
    if (!version.empty()) one.options.set(one.options.has("vers") ? "vers" : "nfsvers", version);
    mounted = mountVersion(one, patience);
    if (mounted || mounted.error().osError() != EPROTONOSUPPORT) break;
  }
  return mounted;
}

Status remountNfs(const NfsMountRequest& request) {
  EFS_TRY(options, optionText(request, true));
  EFS_TRY(report, runInChild([&] { return mountHere(request.source, request.target, options); },
                             kRemountPatience));
  if (report) return judge(request, *report);
  return Error::fromErrno(ETIMEDOUT, "remounting " + request.target);
}

}  // namespace efs::mounts
