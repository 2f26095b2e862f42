#include "efs/base/ask_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"

namespace efs {
namespace {

// A signal that was noticed before the wait ends no wait (interrupt.h): looked for this often.
constexpr Duration kSlice{200};

void letOutputGo() {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null.valid(); ++fd) ::dup2(null.get(), fd);
}

// False when the parent died before it could be watched.
bool leaveTheParent(pid_t parent, const ChildRules& rules, std::vector<int>& kept) {
  ::setsid();
  if (rules.ends_with_parent &&
      (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent)) {
    return false;
  }
  log::leaveParent();
  std::sort(kept.begin(), kept.end());
  closeAllFrom(STDERR_FILENO + 1, kept);
  if (!rules.keeps_output) letOutputGo();
  return true;
}

ChildAnswer::End endOf(const Result<std::optional<ExitStatus>>& waited) {
  if (!waited) return ChildAnswer::End::kCancelled;
  if (!*waited) return ChildAnswer::End::kTimedOut;
  return (*waited)->signal != 0 ? ChildAnswer::End::kKilled : ChildAnswer::End::kExited;
}

Result<std::optional<ExitStatus>> waitInSlices(ChildWork& child, std::optional<Duration> patience,
                                               bool heeds_noticed) {
  for (Duration left = patience.value_or(Duration::max()); left > Duration(0);) {
    const Duration slice = std::min(left, kSlice);
    EFS_TRY(ended, child.wait(slice));
    if (ended) return ended;
    if (heeds_noticed && interrupted() != 0) return interruptedError();
    if (patience) left -= slice;
  }
  return child.wait(Duration(0));
}

}  // namespace

Result<ChildWork> ChildWork::start(const Body& body, const ChildRules& rules) {
  EFS_TRY(pipe, makePipe());
  const int out = pipe.write_end.get();
  const pid_t parent = ::getpid();
  std::vector<int> kept = rules.kept_fds;
  kept.push_back(out);
  EFS_TRY(child,
          Subprocess::fork([&] { return leaveTheParent(parent, rules, kept) ? body(out) : 1; }));
  // A child that cannot even be killed keeps the other end open.
  auto unblocked = setNonBlocking(pipe.read_end.get(), true);
  if (!unblocked) {
    child.killAndReap();
    return unblocked.error();
  }
  return ChildWork(std::move(child), std::move(pipe.read_end));
}

std::string ChildWork::answer() const {
  std::string text;
  std::array<char, 4096> part{};
  while (text.size() < kMaxChildAnswer) {
    const std::size_t room = std::min(part.size(), kMaxChildAnswer - text.size());
    const ssize_t got = ::read(answer_.get(), part.data(), room);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

Status ChildAnswer::exited(const std::string& what) const {
  switch (end) {
    case End::kExited:
      return {};
    case End::kKilled:
      return Error(ErrorKind::kInternal, what + ": the child was " + status.describe());
    case End::kTimedOut:
      return Error::fromErrno(ETIMEDOUT, what).setKind(ErrorKind::kTimeout);
    case End::kCancelled:
      return interruptedError();
  }
  return {};
}

Result<ChildAnswer> askChild(std::optional<Duration> patience, const ChildWork::Body& body,
                             const ChildRules& rules) {
  EFS_TRY(child, ChildWork::start(body, rules));
  const auto waited = waitInSlices(child, patience, rules.heeds_noticed_interrupt);
  ChildAnswer answer;
  answer.end = endOf(waited);
  if (waited && *waited) {
    answer.status = **waited;
  } else {
    child.killAndReap();
    if (!waited && waited.error().kind() != ErrorKind::kCancelled) return waited.error();
  }
  answer.text = child.answer();
  return answer;
}

}  // namespace efs
