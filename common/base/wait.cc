#include "efs/base/wait.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "efs/base/interrupt.h"

namespace efs {
namespace {

// From the look at what was caught until ppoll(2) waits no signal may slip in between.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int signo : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, signo);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
};

}  // namespace

Result<int> pollReady(pollfd* entries, std::size_t count, Duration patience) {
  const SignalsHeld held;
  const auto left = std::max(patience, Duration(0));
  if (left > Duration(0) && takeInterrupt()) return interruptedError();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec time{static_cast<std::time_t>(seconds.count()),
                      static_cast<long>((left - seconds).count()) * 1'000'000L};
  const int ready = ::ppoll(entries, count, &time, &held.before());
  if (ready >= 0) return ready;
  if (errno != EINTR) return Error::fromErrno(errno, "waiting for descriptors");
  if (interrupted() != 0) return interruptedError();
  return 0;
}

Result<bool> waitReady(int fd, short events, const Deadline& deadline) {
  constexpr Duration kHour{3600000};
  while (true) {
    pollfd entry{fd, events, 0};
    EFS_TRY(ready, pollReady(&entry, fd < 0 ? 0 : 1, std::min(deadline.left(), kHour)));
    if (ready > 0) return true;
    if (deadline.passed()) return false;
  }
}

Result<bool> waitReady(int fd, short events, Duration patience) {
  const SystemClock clock;
  return waitReady(fd, events, Deadline(clock, patience));
}

Status sleepFor(Duration time) {
  EFS_CHECK(waitReady(-1, 0, time));
  return {};
}

}  // namespace efs
