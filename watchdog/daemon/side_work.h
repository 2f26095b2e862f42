// SideWork: work on directories that may be silent (logs, the configuration), in a child, so that
// the loop never waits for it. One at a time; asked for again meanwhile, it is done once more.
#pragma once

#include <functional>
#include <optional>

#include "efs/base/ask_child.h"
#include "efs/base/clock.h"
#include "efs/loop/event_loop.h"

namespace efs::watchdog {

class SideWork {
 public:
  explicit SideWork(loop::EventLoop& loop) : loop_(loop) {}
  SideWork(const SideWork&) = delete;
  SideWork& operator=(const SideWork&) = delete;

  // Returns at once. What `body` changes in memory is the child's; its log lines are ours.
  void run(std::function<void()> body);

 private:
  void begin(const std::function<void()>& body);
  void ended();

  loop::EventLoop& loop_;
  std::optional<ChildWork> child_;
  MonoTime started_;
  std::function<void()> next_;
  loop::EventLoop::Watch watch_;  // after what it watches
};

}  // namespace efs::watchdog
