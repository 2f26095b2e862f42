#include "efs/base/wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "efs/base/interrupt.h"

namespace efs {

Result<bool> waitReady(int fd, short events, const Deadline& deadline) {
  while (true) {
    pollfd entry{fd, events, 0};
    // An hour at a time keeps the milliseconds within an int.
    const auto left = std::min<long long>(deadline.left().count(), 3600000);
    const int ready = ::poll(&entry, fd < 0 ? 0 : 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Error::fromErrno(errno, "waiting for a descriptor");
    if (ready < 0 && interrupted() != 0) return interruptedError();
    if (ready == 0 && deadline.passed()) return false;
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
