#include "daemon/process_limits.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <cerrno>

#include "efs/base/log.h"

namespace efs::watchdog {

Result<UniqueFd> openSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signo : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signo);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return Error::fromErrno(errno, "blocking signals");
  }
  ::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a signalfd");
  return fd;
}

void raiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log::warning("the limit of open files stays as it is: {}", errnoText(errno));
  }
}

}  // namespace efs::watchdog
