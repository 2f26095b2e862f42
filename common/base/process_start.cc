#include "efs/base/process_start.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "efs/base/files.h"
#include "efs/base/last_words.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

namespace efs {
namespace {

// As most systems give; more than any tool of ours has open.
constexpr rlim_t kLeastDescriptors = 1024;
constexpr int kLastClassicSignal = 31;

// The lowest free number is the one that is missing.
void openStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // Children get these, so they are not closed on exec.
    // NOLINTNEXTLINE(android-cloexec-open)
    if (::fcntl(fd, F_GETFD) < 0) (void)!::open("/dev/null", O_RDWR);
  }
}

void settleSignals(ProcessKind kind) {
  if (kind == ProcessKind::kDaemon) {
    for (int signo = 1; signo <= kLastClassicSignal; ++signo) {
      // SIGKILL and SIGSTOP are refused, which is right.
      if (signo != SIGHUP) (void)::signal(signo, SIG_DFL);
    }
  }
  (void)::signal(SIGCHLD, SIG_DFL);
  (void)::signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Above the hard limit only with CAP_SYS_RESOURCE; without it up to there.
void liftLimit(__rlimit_resource_t resource, rlim_t least) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur >= least) return;
  const rlimit wanted{least, std::max(limit.rlim_max, least)};
  if (::setrlimit(resource, &wanted) == 0) return;
  limit.rlim_cur = std::min(least, limit.rlim_max);
  (void)::setrlimit(resource, &limit);
}

constexpr int kIoClassIdle = 3;  // linux/ioprio.h, which older systems lack
constexpr int kIoClassShift = 13;
constexpr int kIoOfProcess = 1;

// Whoever mounts may be a backup at the lowest priority, or a container that is the first to go
// when memory is short; what it leaves behind serves everybody. What was raised stays.
void riseToTheRest() {
  const int policy = ::sched_getscheduler(0);
  const sched_param normal{};
  if (policy == SCHED_IDLE || policy == SCHED_BATCH)
    (void)::sched_setscheduler(0, SCHED_OTHER, &normal);
  if (::getpriority(PRIO_PROCESS, 0) > 0) (void)::setpriority(PRIO_PROCESS, 0, 0);
  const long io = ::syscall(SYS_ioprio_get, kIoOfProcess, 0);
  if (io >= 0 && (io >> kIoClassShift) == kIoClassIdle)
    (void)::syscall(SYS_ioprio_set, kIoOfProcess, 0, 0);
  const auto score = readFile("/proc/self/oom_score_adj", 64);
  if (!score || parseInt(trim(*score)).value_or(0) <= 0) return;
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file.valid()) (void)writeAll(file.get(), "0", "oom_score_adj");
}

}  // namespace

void settleProcess(ProcessKind kind) {
  haveLastWords(kind == ProcessKind::kTool ? LastAct::kExit : LastAct::kAbort);
  openStandardDescriptors();
  settleSignals(kind);
  liftLimit(RLIMIT_FSIZE, RLIM_INFINITY);
  liftLimit(RLIMIT_AS, RLIM_INFINITY);
  liftLimit(RLIMIT_DATA, RLIM_INFINITY);
  liftLimit(RLIMIT_NOFILE, kLeastDescriptors);
  if (kind == ProcessKind::kTool) return;
  liftLimit(RLIMIT_CPU, RLIM_INFINITY);
  riseToTheRest();
}

}  // namespace efs
