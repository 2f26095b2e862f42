// EventLoop: one thread, one epoll. Descriptors, timers and nothing else; handlers never block.
//
// A Watch or a Timer is a handle: it ends what it stands for when it dies, also from inside its own
// handler, and no handler runs after its handle is gone, even for events that epoll_wait() had
// already reported in the same batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::loop {

class EventLoop {
 public:
  // `events` are EPOLLIN, EPOLLOUT ... of epoll(7); 0 when called because of requeue().
  using Handler = std::function<void(std::uint32_t events)>;
  using Action = std::function<void()>;

  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { reset(); }
    // Before the descriptor is closed, please: the kernel forgets it then, the loop does not.
    void reset();
    bool active() const { return loop_ != nullptr; }

   private:
    friend class EventLoop;
    EventLoop* loop_ = nullptr;
    std::uint32_t slot_ = 0;
  };

  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept { *this = std::move(other); }
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { reset(); }
    void reset();
    // False once it has run or was reset.
    bool armed() const;

   private:
    friend class EventLoop;
    EventLoop* loop_ = nullptr;
    std::pair<MonoTime, std::uint64_t> key_;
  };

  // The clock must outlive the loop, the loop its handles.
  static Result<std::unique_ptr<EventLoop>> create(const Clock& clock);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `events` as for epoll_ctl(2), EPOLLET allowed. The loop does not own the descriptor.
  Result<Watch> watch(int fd, std::uint32_t events, Handler handler);
  // Calls the watch's handler with 0 in the next turn: for an edge-triggered reader that stopped
  // before the descriptor ran dry, so that others get their turn. Allocates nothing.
  void requeue(const Watch& watch);
  // Runs once, in the first turn at or after that time, never in the turn that made it.
  Timer after(Duration delay, Action action);

  // Called before each wait, which then lasts no longer than what it answers. Must be cheap.
  void beforeWait(std::function<std::optional<Duration>()> action) {
    before_wait_ = std::move(action);
  }

  // Until stop(); an error only when epoll itself fails.
  Status run();
  void stop() { stopped_ = true; }
  // One turn: waits at most `patience` for something to do, then does all of it.
  Status runOnce(Duration patience);

  const Clock& clock() const { return clock_; }

 private:
  struct Slot {
    int fd = -1;
    std::uint32_t generation = 0;
    bool used = false;
    bool requeued = false;
    Handler handler;
  };
  using TimerKey = std::pair<MonoTime, std::uint64_t>;

  EventLoop(const Clock& clock, UniqueFd epoll) : clock_(clock), epoll_(std::move(epoll)) {}
  void dispatch(std::uint32_t slot, std::uint32_t generation, std::uint32_t events);
  void runRequeued();
  void runTimers();
  int waitMillis(Duration patience) const;

  const Clock& clock_;
  UniqueFd epoll_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> requeued_;  // slot, generation
  std::vector<std::pair<std::uint32_t, std::uint32_t>> running_;   // requeued_ of this turn
  std::map<TimerKey, Action> timers_;
  std::uint64_t next_timer_ = 0;
  bool stopped_ = false;
  std::function<std::optional<Duration>()> before_wait_;
};

}  // namespace efs::loop
