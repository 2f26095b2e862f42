#include "daemon/clock_watch.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <utility>

namespace efs::watchdog {

ClockWatch::ClockWatch(loop::EventLoop& loop, loop::EventLoop::Action action)
    : timer_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      action_(std::move(action)) {
  if (!timer_.valid()) return;
  arm();
  auto watch = loop.watch(timer_.get(), EPOLLIN, [this](std::uint32_t) {
    std::uint64_t expirations = 0;
    // ECANCELED: that is the news. The timer stays readable until it is read.
    (void)!::read(timer_.get(), &expirations, sizeof expirations);
    arm();
    action_();
  });
  if (watch) watch_ = std::move(*watch);
}

// timerfd_create(2): a timer that never comes, and is cancelled when the clock jumps.
void ClockWatch::arm() const {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<decltype(never.it_value.tv_sec)>::max();
  (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                          nullptr);
}

}  // namespace efs::watchdog
