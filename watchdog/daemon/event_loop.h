// EventLoop: one epoll instance and its handlers. Level-triggered; handlers must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::watchdog {

class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;

  static Result<EventLoop> create();

  // `fd` stays the caller's, who calls forget() before closing it. `events` as for epoll_ctl(2).
  Status watch(int fd, std::uint32_t events, Handler handler);
  // No handler of this descriptor runs after this, not even for an event already fetched.
  void forget(int fd);
  // Waits up to `patience` (nullopt: for ever) and runs the handlers of what is ready. A handler
  // may watch and forget any descriptor, its own included.
  Status runOnce(std::optional<Duration> patience);

 private:
  struct Entry {
    std::uint32_t generation;
    std::shared_ptr<Handler> handler;  // shared: a handler that forgets itself must outlive its run
  };
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  UniqueFd epoll_;
  std::uint32_t generation_ = 0;
  std::map<int, Entry> entries_;
};

}  // namespace efs::watchdog
