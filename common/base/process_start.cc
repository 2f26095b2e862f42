#include "efs/base/process_start.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

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

}  // namespace

void settleProcess(ProcessKind kind) {
  openStandardDescriptors();
  settleSignals(kind);
  liftLimit(RLIMIT_FSIZE, RLIM_INFINITY);
  liftLimit(RLIMIT_AS, RLIM_INFINITY);
  liftLimit(RLIMIT_DATA, RLIM_INFINITY);
  liftLimit(RLIMIT_NOFILE, kLeastDescriptors);
  if (kind == ProcessKind::kDaemon) liftLimit(RLIMIT_CPU, RLIM_INFINITY);
}

}  // namespace efs
