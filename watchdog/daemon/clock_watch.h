// ClockWatch: an action for each time that the wall's clock is set, or that the host wakes up from
// a suspend, in which that clock went on and timers stood still.
#pragma once

#include "efs/base/unique_fd.h"
#include "efs/loop/event_loop.h"

namespace efs::watchdog {

class ClockWatch {
 public:
  // Where the kernel gives no such timer nothing is told. `action` runs in the loop.
  ClockWatch(loop::EventLoop& loop, loop::EventLoop::Action action);

 private:
  void arm() const;

  UniqueFd timer_;
  loop::EventLoop::Action action_;
  loop::EventLoop::Watch watch_;  // after what it watches
};

}  // namespace efs::watchdog
